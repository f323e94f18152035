"""Dataset: pictures, labels, class names and the split, in a folder that is written once."""

import csv
import hashlib
import os
import re
import shutil
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from engine import files
from engine.errors import DatasetError

PARTS = ("train", "validation", "test")
SHARES = (0.8, 0.1, 0.1)
NAME = re.compile(r"[^\W_][\w.-]{0,63}")
MIN_PER_CLASS = 10


@dataclass(frozen=True)
class Dataset:
    """What `dataset.json` says; the arrays beside it are mapped, not read, when asked for."""

    folder: Path
    name: str
    class_names: tuple[str, str]  # negative (0), positive (1)
    image_size: int
    seed: int
    fingerprint: str
    source: str
    created: str
    candidates: int
    refused: int
    counts: dict[str, tuple[int, int]]  # part -> (negatives, positives)
    copies: int = 0  # pictures with the very pixels of another one

    @cached_property
    def images(self) -> np.ndarray:
        """`(n, image_size, image_size, 3)` uint8 RGB, memory-mapped, read-only."""
        return np.load(self.folder / "images.npy", mmap_mode="r")

    @cached_property
    def labels(self) -> np.ndarray:
        """`(n,)` uint8, 0 or 1."""
        return np.load(self.folder / "labels.npy")

    @cached_property
    def masks(self) -> np.ndarray | None:
        """`(n, image_size, image_size)` uint8 for drawn pictures, None for others."""
        path = self.folder / "masks.npy"
        return np.load(path, mmap_mode="r") if path.exists() else None

    @cached_property
    def part_of(self) -> np.ndarray:
        """`(n,)` uint8: each picture's place in `PARTS`."""
        return np.load(self.folder / "split.npy")

    @cached_property
    def file_names(self) -> list[str]:
        return (self.folder / "files.txt").read_text(encoding="utf-8").splitlines()

    def indices(self, part: str) -> np.ndarray:
        """Rows of the pictures of `part`, ascending."""
        return np.flatnonzero(self.part_of == PARTS.index(part))

    def refused_files(self) -> list[tuple[str, str]]:
        """(file, reason) of every file that was left out."""
        with (self.folder / "refused.csv").open(encoding="utf-8", newline="") as file:
            return [(row[0], row[1]) for row in list(csv.reader(file))[1:]]

    @property
    def size(self) -> int:
        return sum(sum(pair) for pair in self.counts.values())


def check_name(name: str) -> str:
    """The name, if it can be a folder and stand in a URL.

    Raises:
        DatasetError: otherwise.
    """
    if not NAME.fullmatch(name):
        raise DatasetError(
            f"'{name}' cannot name a dataset; take up to 64 letters, digits, '.', '_' or '-', "
            "with a letter or digit first."
        )
    return name


def open_dataset(folder: Path) -> Dataset:
    """The dataset in `folder`.

    Raises:
        DatasetError: if there is none, naming those that are beside it.
    """
    stored = files.read_json(folder / "dataset.json") if NAME.fullmatch(folder.name) else None
    if stored is None:
        others = ", ".join(d.name for d in list_datasets(folder.parent)) or "none yet"
        raise DatasetError(
            f"The dataset '{folder.name}' does not exist; there is: {others}; "
            "`python -m engine prepare` makes one."
        )
    stored["class_names"] = tuple(stored["class_names"])
    stored["counts"] = {part: tuple(pair) for part, pair in stored["counts"].items()}
    return Dataset(folder=folder, **stored)


def list_datasets(parent: Path) -> list[Dataset]:
    """Every dataset in `parent`, oldest first."""
    folders = [p.parent for p in parent.glob("*/dataset.json") if NAME.fullmatch(p.parent.name)]
    return sorted((open_dataset(f) for f in folders), key=lambda d: (d.created, d.name))


def fingerprint(hashes: np.ndarray, labels: np.ndarray, image_size: int) -> str:
    """SHA-256 of the content: pixels and labels, whatever their order and container."""
    lines = sorted(bytes(h) + bytes([label]) for h, label in zip(hashes, labels, strict=True))
    return hashlib.sha256(b"%d\n" % image_size + b"\n".join(lines)).hexdigest()


def split(labels: np.ndarray, hashes: np.ndarray, seed: int) -> np.ndarray:
    """A stratified split, 80 / 10 / 10, as `(n,)` uint8 places in `PARTS`.

    It depends on the content and the seed alone: pictures are ordered by hash before they are
    shuffled, so that a folder and its zip are split alike. Copies of one picture stay in one part,
    in training as far as there are others: a model judged on a copy of what it learnt is flattered.
    """
    part_of = np.zeros(len(labels), np.uint8)
    rng = np.random.default_rng(seed)
    for label in (0, 1):
        members = np.flatnonzero(labels == label)
        distinct, which, copies = np.unique(
            hashes[members], return_inverse=True, return_counts=True
        )
        order = rng.permutation(len(distinct))
        order = order[np.argsort(copies[order], kind="stable")]
        held_out = max(1, round(len(distinct) * SHARES[1]))
        part = np.zeros(len(distinct), np.uint8)
        part[order[:held_out]] = PARTS.index("validation")
        part[order[held_out : 2 * held_out]] = PARTS.index("test")
        part_of[members] = part[which]
    return part_of


def write_dataset(
    staging: Path,
    *,
    about: dict,
    labels: np.ndarray,
    hashes: np.ndarray,
    file_names: list[str],
    refused: list[tuple[str, str]],
) -> Dataset:
    """Complete the folder `staging`, which holds images.npy already, into a dataset.

    Args:
        about: name, class_names, image_size, seed, source, created.

    Raises:
        DatasetError: if a class holds fewer than 10 different usable pictures.
    """
    _check_enough(labels, hashes, about, refused)
    part_of = split(labels, hashes, about["seed"])
    counts = {
        part: tuple(int(((part_of == i) & (labels == label)).sum()) for label in (0, 1))
        for i, part in enumerate(PARTS)
    }
    np.save(staging / "labels.npy", labels.astype(np.uint8))
    np.save(staging / "split.npy", part_of)
    (staging / "files.txt").write_text(
        "\n".join(" ".join(name.splitlines()) for name in file_names), encoding="utf-8"
    )
    with (staging / "refused.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("file", "reason"), *refused])
    dataset = Dataset(
        folder=staging,
        fingerprint=fingerprint(hashes, labels, about["image_size"]),
        candidates=len(labels) + len(refused),
        refused=len(refused),
        counts=counts,
        copies=len(hashes) - len(np.unique(hashes)),
        **about,
    )
    stored = asdict(dataset)
    del stored["folder"]
    files.write_json(staging / "dataset.json", stored)
    return dataset


def _check_enough(labels, hashes, about: dict, refused: list[tuple[str, str]]) -> None:
    for label, class_name in enumerate(about["class_names"]):
        usable = len(np.unique(hashes[labels == label]))
        if usable < MIN_PER_CLASS:
            copies = int((labels == label).sum()) - usable
            reasons = f" (and {copies} copies of them)" if copies else ""
            if refused:
                file, reason = refused[0]
                reasons += f" ({len(refused)} files were refused, the first, {file}: {reason})"
            raise DatasetError(
                f"The class '{class_name}' has {usable} usable pictures{reasons} and at least "
                f"{MIN_PER_CLASS} are needed; add more."
            )


def publish(staging: Path, place: Path) -> None:
    """Rename `staging` to `place`; a dataset that stands there is removed after the swap."""
    if place.exists():
        old = place.with_name(f".replaced-{place.name}-{os.getpid()}")
        place.rename(old)
        staging.rename(place)
        shutil.rmtree(old)
    else:
        staging.rename(place)
