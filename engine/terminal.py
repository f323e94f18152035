"""What verbs print: JSON and sentences on standard output, warnings on standard error."""

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

WIDE = 160  # columns of a table that no terminal shows
screen = Console(stderr=True, highlight=False)


class _Outliving:
    """A stream whose reader may go away: what is written after that is lost, and nothing else."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()

    def _give_up(self) -> None:
        """Write into nothing from now on; Python's own flush at the end as well."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


def outlive_readers() -> None:
    """Let `… | head` end the printing and not the work: a training goes on to its end."""
    sys.stdout, sys.stderr = _Outliving(sys.stdout), _Outliving(sys.stderr)


def print_estimate(expected, as_json: bool) -> None:
    if as_json:
        return print_json(asdict(expected))
    busy = "; the machine was busy, so it may go faster" if expected.busy else ""
    print(
        f"about {duration(expected.seconds + expected.start_seconds)}: "
        f"{duration(expected.start_seconds)} to start, {duration(expected.seconds)} of training "
        f"at {expected.pictures_per_second:,.0f} pictures/s{busy}"
    )
    return None


def learns(run) -> str:
    """ "breeds", or "breeds: dog against cat, fox"."""
    return f"{run.dataset}: {run.question}" if run.question else run.dataset


def mean_of(run) -> str:
    """What the AUC is the mean of, to follow it."""
    return f" (mean of {len(run.class_names)})" if len(run.class_names) > 2 else ""


def kind_of(run) -> str:
    """Its preset; of a cross-validation what it is of: "10 folds of quick-7"."""
    if not run.of:
        return run.preset
    again = f", {run.repeats} times" if run.repeats > 1 else ""
    return f"{run.folds} folds of {run.of}{again}"


def run_facts(run) -> dict[str, Any]:
    told = run.figures or run.crossed or {}
    crossed = {"of": run.of, "folds": run.folds, "repeats": run.repeats} if run.of else {}
    return {
        "run": run.id,
        **crossed,
        **about_facts(run.about),
        "name": run.about.name or run.id,
        "dataset": run.dataset,
        "class_names": run.class_names,
        "question": run.question or None,
        "preset": run.preset,
        "status": run.status,
        "split_id": run.split_id,
        "validation_auc": told.get("validation_auc"),
        "auc": told.get("auc"),
        "auc_low": told.get("auc_low"),
        "auc_high": told.get("auc_high"),
        "accuracy": told.get("accuracy"),
        "image_size": run.image_size,
        "seconds": run.seconds,
        "created": run.created,
        "owner": run.owner or None,
        "error": run.error,
    }


def about_facts(about) -> dict[str, Any]:
    return {"name": about.name, "note": about.note, "tags": about.tags}


def print_about(run_id: str, about) -> None:
    print(f"{run_id}: {about.name or 'no name'}")
    if about.tags:
        print(f"tags: {', '.join(about.tags)}")
    if about.note:
        print(about.note)
    warn(about.unread)


def dataset_facts(dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "pictures": dataset.size,
        "classes": len(dataset.class_names),
        "class_names": dataset.class_names,
        "counts": dataset.counts,
        "groups": dataset.subjects or None,
        "grouped_by": dataset.grouped_by or None,
        "image_size": dataset.image_size,
        "fit": dataset.fit,
        "seed": dataset.seed,
        "candidates": dataset.candidates,
        "refused": dataset.refused,
        "remarks": dataset.remarks,
        "copies": dataset.copies,
        "fingerprint": dataset.fingerprint,
        "split_id": dataset.split_id,
        "created": dataset.created,
    }


def print_dataset(dataset) -> None:
    """What was kept of a source, what was refused, and what is in each part."""
    for file, reason in dataset.refused_files()[:10]:
        screen.print(f"refused: {file}: {reason}", style="yellow", markup=False)
    if dataset.refused > 10:
        screen.print(f"… and {dataset.refused - 10:,} more, all in {dataset.folder}/refused.csv")
    kept = f"of {dataset.candidates:,} files kept, {dataset.refused:,} refused"
    if dataset.subjects:
        kept = f"of {dataset.subjects:,} subjects (of {dataset.candidates:,} files, "
        kept += f"{dataset.refused:,} refused)"
    print(
        f"{dataset.name}: {dataset.size:,} pictures {kept}, {dataset.image_size} px, fingerprint "
        f"{dataset.fingerprint[:12]}"
    )
    if len(dataset.class_names) == 2:
        for part, counts in dataset.counts.items():
            told = zip(counts, dataset.class_names, strict=True)
            print(f"  {part:<11} " + ", ".join(f"{count:,} {name}" for count, name in told))
    else:
        _print_counts(dataset)
    if dataset.copies:
        print(f"  copies      {dataset.copies:,} of others; those of one picture are in one part")


def _print_counts(dataset) -> None:
    """Pictures by class and part, a line a class, and all of them in the last."""
    table = Table("class", *dataset.counts, box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, *counts in zip(dataset.class_names, *dataset.counts.values(), strict=True):
        table.add_row(name, *(f"{count:,}" for count in counts))
    totals = (f"{sum(counts):,}" for counts in dataset.counts.values())
    table.add_row(f"all {len(dataset.class_names)}", *totals)
    Console(highlight=False, markup=False).print(table)


def warn(sentence: str) -> None:
    """A sentence in yellow on standard error; nothing for an empty one."""
    if sentence:
        screen.print(sentence, style="yellow", markup=False, soft_wrap=True)


def print_queued(runs, as_json: bool) -> None:
    """Runs that were put in line, and in what they differ."""
    facts = [{"run": run.id} | {name: run.config[name] for name in run.varies} for run in runs]
    if as_json:
        return print_json(facts)
    for one in facts:
        print("  ".join([one.pop("run"), *(f"{name}={value}" for name, value in one.items())]))
    screen.print(
        "They are trained one after the other by a process of their own; `runs` says how far "
        "they are.",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    return None


def warn_of_mixed(dataset) -> None:
    """Subjects in several classes may be meant, or be two that have one number."""
    from engine.data.subjects import in_several

    if dataset.subjects and (mixed := in_several(dataset.labels.tolist(), dataset.groups)):
        warn(
            f"{mixed:,} of {dataset.subjects:,} subjects stand in more than one class; if a name "
            "or number starts anew in each class, let the expression find more of the name."
        )


def point_out(alike) -> None:
    """Say that names look like several pictures of one subject, and what keeps them together."""
    if alike:
        warn(
            f"The names look like several pictures of one subject, as '{alike.one}' and "
            f"'{alike.other}'; if they are, --group-by '{alike.expression}' keeps those of one in "
            "one part of the split."
        )


def few(number: float) -> str:
    """Three digits, and never an exponent for a large number."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def print_explained(explained, as_json: bool) -> None:
    """What each heatmap says, and then the files that were written, each once."""
    if as_json:
        return print_json([asdict(one) for one in explained])
    for one in explained:
        at = f" at {one.layer}" if one.layer else ""
        error = f", 95% error at most ± {few(one.error)}" if one.error is not None else ""
        of = (
            "the same for every class"
            if one.target is None
            else f"for {one.target} (probability {one.score:.3f})"
        )
        screen.print(
            f"{one.picture}: {one.method} {of}{at}, raw "
            f"map {few(one.raw_min)} to {few(one.raw_max)}{error}, {one.seconds:.2f} s by "
            f"{one.engine}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
        warn(one.notes and f"{one.picture}: {one.method}: {one.notes}")
    changes = (f"{one.picture} was {remark}" for one in explained for remark in one.remarks)
    for change in dict.fromkeys(changes):
        screen.print(change, markup=False, soft_wrap=True)
    kinds = ("original", "heatmap", "overlay", "raw")
    paths = [getattr(one, kind) for one in explained for kind in kinds]
    for path in dict.fromkeys(filter(None, [*paths, explained[-1].sheet])):
        print(path)
    return None


def print_methods(methods, as_json: bool) -> None:
    """The register of heatmap methods by family: of each its facts, its idea, and how far it is
    from what it approximates, in lines that fold at any width."""
    if as_json:
        return print_json([method_facts(one) for one in methods])
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in methods:
        named = ", ".join(filter(None, (one.title, one.paper)))
        exact = "exact" if one.exact else f"approximate: {one.distance}"
        table.add_row(one.name, f"{one.family}: {named}; {one.cost} (needs {one.needs})")
        table.add_row("", f"{one.idea} {exact[0].upper()}{exact[1:]}.")
    return print_table(table)


def print_table(table: Table) -> None:
    """Folded to the terminal's width; wide where it goes to a file or another program."""
    width = None if sys.stdout.isatty() else WIDE
    Console(highlight=False, markup=False, width=width).print(table)


def method_facts(method) -> dict[str, Any]:
    """A heatmap method for `--json`."""
    facts = asdict(method)
    del facts["function"]
    return facts | {"needs": method.needs, "cost_in_words": str(method.cost)}


def print_backup(made, how: str, where: str, as_json: bool) -> None:
    """A backup that was made or restored. how: "lie in"."""
    if as_json:
        facts = {"folder": where, "made": made.made, "files": len(made.files), "bytes": made.size}
        return print_json(facts | {"format": made.format})
    return print(f"{len(made.files):,} files, {made.size / 1e6:,.0f} MB, {how} {where}")


def unreadable_facts(key: str, unreadable) -> list[dict[str, str]]:
    """Rows for what cannot be read, beside the healthy ones: they have a status and a reason."""
    return [{key: one.id, "status": "unreadable", "error": one.why} for one in unreadable]


def say_unreadable(unreadable) -> None:
    for one in unreadable:
        warn(f"{one.id} is unreadable: {one.why}")


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False)
    print()


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
