"""Cross-validation of a run's configuration: asked for, under way, and what it found."""

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.evaluate import fold_charts
from dashboard.parts import again, downloads, evidence, live, pictures, results, rights
from dashboard.parts.evidence import Card
from engine.commands import folds
from engine.commands.folds import FEW, CrossValidation
from engine.data.folds import FOLDS, REPEATS, USUAL
from engine.errors import CamsightError, DatasetError
from engine.evaluation.folds import FEW as SMALL
from engine.evaluation.level import LEVEL
from engine.runs.record import Run

SHOWN = 16  # pictures that were told wrongly
WHAT = (
    "What this number is of: a way of training, not one set of weights. Each fold trained a "
    "network of its own, with the configuration of {of}, and was judged on pictures that this "
    "network never saw. Best epoch and threshold of a fold come from its own validation part. "
    "{of} itself is one more network of this kind: it may be a little better or worse."
)


def show(run: Run, level: float = LEVEL) -> None:
    """All that is known of a run's way of training; while it is computed, the page follows."""
    made = folds.of_run(run, state.look().runs)
    active = any(one.active for one in made)

    def body() -> None:
        now = folds.of_run(run, state.look().runs)
        if active and not any(one.active for one in now):
            st.rerun()
        for one in now:
            if one.active:
                _under_way(one)

    state.poll(body, active)
    finished = [one for one in made if one.crossed]
    if finished:
        state.guarded(lambda: _found(_result(finished[-1], level)))
    elif made and not active:
        _without_figures(made[-1])
    if not active:
        _offer(run, bool(finished))


def few(run: Run) -> int:
    """How many test pictures the smallest class has, where the record tells; else all."""
    told = run.figures or {}
    counts = [told[name] for name in ("n_positive", "n_negative") if name in told]
    return min(counts) if counts else told.get("n", 0) // len(run.class_names)


def _offer(run: Run, again_: bool) -> None:
    """A button, where a class has few test pictures; more of them make it a waste of time."""
    least = few(run)
    if least >= FEW and not again_:
        st.caption(
            f"Each class has {FEW} test pictures or more ({words.count(least)} at least), which "
            "say more than many trainings would; `python -m engine evaluate` with `--folds` "
            "cross-validates all the same."
        )
        return
    with st.container(border=True):
        if not again_:
            st.markdown(
                f"**A class has only {words.count(least)} test pictures: a wide interval.** "
                f"A cross-validation trains with the configuration of {run.id} on each fold and "
                "judges every picture of the dataset once."
            )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            n = st.number_input("Folds", *FOLDS, USUAL, key="crossed-folds", width=130)
            repeats = st.number_input(
                "Repeats", *REPEATS, 1, key="crossed-repeats", width=130,
                help="How often the pictures are dealt out into folds. More even out which picture "
                "fell into which fold; they are no more pictures, so the interval hardly narrows.",
            )  # fmt: skip
            label = "**Cross-validate again**" if again_ else "**Cross-validate**"
            refused = rights.why_not(f"cross-validate {run.id}")
            if st.button(label, icon=":material/grid_view:", key="crossed-start",
                         disabled=bool(refused), help=refused or None):  # fmt: skip
                _start(run, n, repeats)
        st.caption(_cost(run, n * repeats))


def _cost(run: Run, trainings: int) -> str:
    if results.head_alone(run):
        return (
            f"{words.count(trainings)} heads are trained, after the backbone's features of all "
            "pictures are found once: seconds, where pictures are few."
        )
    each = f", {words.about(trainings * run.seconds)} in all" if run.seconds else ""
    return f"{words.count(trainings)} trainings, each about as long as that of {run.id}{each}."


def _start(run: Run, n: int, repeats: int) -> None:
    active = [one for one in folds.of_run(run, state.look().runs) if one.active]
    try:
        if not active:  # the second click of a double click
            folds.start(state.workspace(), run.id, n, repeats)
    except (CamsightError, OSError) as error:
        st.error(words.markdown(error))
        return
    state.changed()
    st.rerun()


def _under_way(run: Run) -> None:
    stage = live.stage(run, state.look().runs)
    with st.container(horizontal=True, vertical_alignment="center"):
        live.link(run)
        live.badge(live.status(run, state.look().runs))
    st.progress(stage.done, text=words.markdown(stage.says))


def _without_figures(run: Run) -> None:
    st.warning(f"{results.folds_of(run)}: {words.markdown(live.why(run))}")
    if again.resume_button(run):
        st.rerun()


@st.cache_data(max_entries=16, show_spinner=False)
def _stored(folder: str, ended: str, level: float, _run: Run) -> CrossValidation:
    return folds.result(_run, level)


def _result(run: Run, level: float) -> CrossValidation:
    return _stored(str(run.folder), run.ended, level, run)


# --- what it found --------------------------------------------------------------------------------


def _found(found: CrossValidation) -> None:
    run, auc = found.run, found.auc
    st.caption(
        f"{results.folds_of(run)}: {words.size(len(found.folded.y_true), '', auc.subjects)} · "
        f"{words.duration(run.seconds)} · {live.when(run.ended)}"
    )
    evidence.cards(_cards(found), key="crossed-cards")
    if auc.naive:
        st.caption(
            f"As if each picture were of a subject of its own, the interval would be "
            f"{words.bounds(*auc.naive)}."
        )
    if auc.too_narrow:
        st.warning(
            f"With under {SMALL} pictures of a class in a fold, this interval holds the truth less "
            "often than it says. Corrected for so few, it is "
            f"**{words.interval(*auc.corrected, sure=auc.level)}**.",
            icon=":material/warning:",
        )
    st.info(WHAT.format(of=run.of), icon=":material/info:")
    alt = (
        f"The AUCs of {len(auc.folds)} folds lie from "
        f"{words.three_digits(min(one.value for one in auc.folds))} to "
        f"{words.three_digits(max(one.value for one in auc.folds))}; their mean is "
        f"{words.three_digits(auc.value)}, {words.interval(auc.low, auc.high, sure=auc.level)}."
    )
    downloads.chart(
        "Folds", fold_charts.folds(auc), "crossed-dots", alt, f"{run.id}-folds",
        lambda: _fold_columns(found),
    )  # fmt: skip
    names = run.class_names
    if len(names) <= 12:
        matrix = {"truly": list(names)} | {
            f"said {name}": found.matrix[:, at].tolist() for at, name in enumerate(names)
        }
        downloads.table("Mistakes of all folds", matrix, "crossed-matrix", f"{run.id}-matrix")
    _gallery(found)


def _cards(found: CrossValidation) -> list[Card]:
    auc, share, n = found.auc, found.accuracy, len(found.folded.y_true)
    aucs = sorted(one.value for one in auc.folds)
    line = words.evidence_line(
        words.interval(auc.low, auc.high, sure=auc.level), results.method_called(auc.method), n,
        subjects=auc.subjects,
    )  # fmt: skip
    rate = words.interval(share.low, share.high, words.percent, sure=share.level)
    k = len(found.run.class_names)
    return [
        Card("Cross-validated AUC", words.three_digits(auc.value), line,
             "" if k == 2 else f"mean of {k} classes",
             evidence.track(auc.value, auc.low, auc.high)),
        Card("Folds", f"{words.three_digits(aucs[0])}–{words.three_digits(aucs[-1])}",
             f"AUCs of {len(aucs)} folds, median {words.three_digits(float(np.median(aucs)))}"),
        Card("Accuracy", words.percent(share.value),
             words.evidence_line(rate, "Wilson", n, subjects=auc.subjects),
             "" if k > 2 else "at each fold's own threshold",
             evidence.track(share.value, share.low, share.high, percent=True)),
        Card("Mistakes", words.count(int(np.count_nonzero(found.wrong))),
             f"of {words.count(n)} pictures"
             + (", in one repeat at least" if auc.repeats > 1 else "")),
    ]  # fmt: skip


def _fold_columns(found: CrossValidation) -> dict[str, list]:
    auc, told = found.auc, found.folded
    per = found.run.folds
    return {
        "repeat": [at // per + 1 for at in range(len(auc.folds))],
        "fold": [at % per + 1 for at in range(len(auc.folds))],
        "auc": [one.value for one in auc.folds],
        "auc_low": [one.low for one in auc.folds],
        "auc_high": [one.high for one in auc.folds],
        "interval": [one.method for one in auc.folds],
        "threshold": told.threshold.ravel().tolist(),
        "best_epoch": told.best_epoch.ravel().tolist(),
    }


def _gallery(found: CrossValidation) -> None:
    """The pictures that were told wrongly most often, then most confidently."""
    told, run = found.folded, found.run
    mean = told.y_score.mean(axis=0)
    sure = np.abs(mean - 0.5) if mean.ndim == 1 else mean.max(axis=1)
    at = np.lexsort((-sure, -found.wrong))
    at = at[found.wrong[at] > 0][:SHOWN]
    if not len(at):
        st.caption("No picture was told wrongly.")
        return
    try:
        data, rows = pictures.where(run, {"picture": told.picture})
    except DatasetError as error:
        st.warning(words.markdown(error))
        return
    more = np.count_nonzero(found.wrong) - len(at)
    says = "Pictures that were told wrongly by the network that had not seen them"
    says += f", {len(at)} of {words.count(len(at) + int(more))}." if more > 0 else "."
    if mean.ndim == 1:
        name = words.markdown(run.class_names[1], 24)
        says += f" A number is the score for {name}, which a fold says from its own threshold on."
    st.caption(says)
    slot = st.grid(8, min_column_width=130)
    for place in at:
        with slot.container():
            _picture(found, int(place), data, int(rows[place]))


def _picture(found: CrossValidation, place: int, data, row: int) -> None:
    names, told = found.run.class_names, found.folded
    truth, mean = int(told.y_true[place]), told.y_score[:, place].mean(axis=0)
    name = words.plain(names[truth], 24)
    if mean.ndim == 0:
        verdict = f"{words.plain(names[1], 24)} {mean:.2f}"
    else:
        verdict = words.says(words.plain(names[int(mean.argmax())], 24), float(mean.max()))
    if len(told.fold) > 1:
        repeats = len(told.fold)
        verdict += f", wrong {round(repeats * found.wrong[place])} of {repeats} times"
    if row == pictures.GONE:
        st.caption(f"{words.markdown(name)}, {words.markdown(verdict)}, and is no longer stored.")
        return
    st.image(pictures.pixels(data, row), width="stretch", alt=f"{name}, {verdict}")
    st.markdown(
        f":small[✗ {words.markdown(name)}, {words.markdown(verdict)}]  \n"
        f":small[:gray[{pictures.name(data, row)}]]"
    )
