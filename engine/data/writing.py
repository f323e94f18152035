"""A dataset is written whole or not at all: made beside its place, then named."""

import csv
import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine import identity, records
from engine.data.dataset import COLUMNS, KIND, MIN_PER_CLASS, TABLE, Dataset
from engine.data.layout import listed
from engine.data.split import PARTS, split, split_subjects
from engine.errors import DatasetError
from engine.workspace import Workspace


def write_dataset(
    staging: Path,
    *,
    about: dict,
    labels: np.ndarray,
    pictures: np.ndarray,
    file_names: list[str],
    refused: list[tuple[str, str]],
    groups: np.ndarray | None = None,
    remarks: Sequence[tuple[str, str]] = (),
) -> Dataset:
    """Complete the folder `staging`, which holds images.npy already, into a dataset.

    Args:
        about: name, class_names, image_size, seed, source, created, and other fields of a Dataset.
        groups: `(n,)` str, each picture's subject, none of which is in two parts then.
        remarks: (file, what was changed in its picture).

    Raises:
        DatasetError: if a class holds fewer than 10 different usable pictures, or subjects too few
            for all parts.
    """
    names = about["class_names"]
    _check_enough(labels, pictures, names, refused)
    if groups is None:
        part_of = split(labels, pictures, about["seed"])
    else:
        part_of = split_subjects(labels, pictures, groups, about["seed"], names)
    counts = {
        part: tuple(np.bincount(labels[part_of == i], minlength=len(names)).tolist())
        for i, part in enumerate(PARTS)
    }
    np.save(staging / "labels.npy", labels.astype(np.uint8))
    np.save(staging / "split.npy", part_of)
    np.save(staging / "pictures.npy", pictures.astype("S64"))
    lines = _on_one_line(names)
    _write_table(staging / TABLE, [
        _on_one_line(file_names),
        [lines[label] for label in labels],
        [""] * len(labels) if groups is None else groups,
        [PARTS[part] for part in part_of],
    ])  # fmt: skip
    with (staging / "refused.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("file", "reason"), *refused])
    if remarks:
        with (staging / "remarks.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("file", "remark"), *remarks])
    test = part_of == PARTS.index("test")
    dataset = Dataset(
        folder=staging,
        fingerprint=identity.of_pictures(pictures, labels, names, groups),
        split_id=identity.of_pictures(pictures[test], labels[test], names),
        candidates=len(labels) + len(refused),
        refused=len(refused),
        counts=counts,
        copies=len(pictures) - len(np.unique(pictures)),
        subjects=0 if groups is None else len(np.unique(groups)),
        remarks=dict(Counter(remark for _, remark in remarks).most_common()),
        **about,
    )
    records.write(staging / "dataset.json", KIND, dataset)
    return dataset


def _on_one_line(names: Sequence[str]) -> list[str]:
    """A lone carriage return is the end of a line to who reads, and written without quotes."""
    return [" ".join(name.splitlines()) for name in names]


def _write_table(path: Path, columns: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *zip(*columns, strict=True)])


def _check_enough(labels, pictures, names: Sequence[str], refused: list[tuple[str, str]]) -> None:
    usable = [len(np.unique(pictures[labels == label])) for label in range(len(names))]
    few = [label for label, count in enumerate(usable) if count < MIN_PER_CLASS]
    if not few:
        return
    first, *others = few
    copies = int((labels == first).sum()) - usable[first]
    reasons = f" (and {copies} copies of them)" if copies else ""
    if refused:
        file, reason = refused[0]
        reasons += f" ({len(refused)} files were refused, the first, {file}: {reason})"
    also = f"; so it is with {listed([names[i] for i in others])}" if others else ""
    raise DatasetError(
        f"The class '{names[first]}' has {usable[first]} usable pictures{reasons} and at least "
        f"{MIN_PER_CLASS} are needed{also}; add more."
    )


# --- staged, named, replaced ----------------------------------------------------------------------


def staging_of(workspace: Workspace, name: str) -> Path:
    """Where the dataset is made before it has its name; its lease lies beside."""
    return workspace.datasets / f".preparing-{name}"


def publish(staging: Path, place: Path) -> None:
    """Rename `staging` to `place`; a dataset that stands there is removed after the swap.

    Between two renames nothing has the name: `recover` mends it if the process ends there.
    """
    if not place.exists():
        staging.rename(place)
        return
    old = place.with_name(f".replaced-{place.name}-{secrets.token_hex(4)}")
    place.rename(old)
    try:
        staging.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def recover(workspace: Workspace, name: str) -> None:
    """Undo or finish a swap that was cut short; for whoever holds the lease of that name."""
    place = workspace.datasets / name
    for old in workspace.datasets.glob(f".replaced-{name}-*"):
        if old.name.removeprefix(f".replaced-{name}-").count("-"):
            continue  # of another dataset whose name begins with this one
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(place)


def swapped_out(workspace: Workspace) -> set[str]:
    """Names of datasets that a swap which was cut short may have hidden."""
    found = workspace.datasets.glob(".replaced-*-*")
    return {old.name.removeprefix(".replaced-").rsplit("-", 1)[0] for old in found}


# --- two datasets of one name ---------------------------------------------------------------------


def difference(stored: Dataset, made: Dataset) -> str:
    """What tells two datasets of one name apart, as the end of a sentence; "" if nothing does."""
    try:
        held = _without_subjects(stored)
    except DatasetError:
        return "cannot be read"
    same_names = set(stored.class_names) == set(made.class_names)
    labels = _relabelled(made, stored.class_names) if same_names else made.labels
    first_version = identity.of_first_version(made.pictures, labels, made.image_size)
    if stored.fit != made.fit:
        return f"makes its pictures square by --fit {stored.fit}"
    if held not in (
        identity.of_pictures(made.pictures, labels, stored.class_names), first_version
    ):  # fmt: skip
        return "holds other pictures"
    if not same_names:
        return f"calls its classes {_some(stored.class_names)}"
    if stored.class_names != made.class_names:
        return f"takes {stored.class_names[-1]} for the positive class"
    if (stored.subjects or made.subjects) and stored.fingerprint != made.fingerprint:
        if not stored.subjects:
            return "keeps no subjects together"
        return f"keeps {stored.subjects:,} subjects together, as {stored.grouped_by} tells them"
    return "" if stored.seed == made.seed else f"is split by the seed {stored.seed}"


def _without_subjects(dataset: Dataset) -> str:
    """The fingerprint that it would have if its subjects were not known."""
    if not dataset.subjects:
        return dataset.fingerprint
    return identity.of_pictures(dataset.pictures, dataset.labels, dataset.class_names)


def _relabelled(dataset: Dataset, class_names: tuple[str, ...]) -> np.ndarray:
    """Its labels as places in the same class names in another order."""
    return np.array([class_names.index(name) for name in dataset.class_names])[dataset.labels]


def _some(names: tuple[str, ...]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"
