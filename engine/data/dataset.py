"""Dataset: pictures, labels, class names and the split, in a folder that is written once."""

import csv
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine import identity, records
from engine.data.kinds import remark_of
from engine.data.split import PARTS
from engine.errors import DatasetError, RecordError
from engine.records import Unreadable
from engine.workspace import Workspace

NAME = re.compile(r"[^\W_][\w.-]{0,63}")
MIN_PER_CLASS = 10
TABLE = "pictures.csv"
COLUMNS = ("file", "class", "group", "part")


@dataclass(frozen=True)
class Dataset:
    """What `dataset.json` says; the arrays beside it are mapped, not read, when asked for.

    fingerprint: what it holds (pictures, labels, class names, subjects). split_id: what is in its
    test part. Neither knows of order or file names. Every array raises DatasetError where its file
    is damaged.
    grouped_by: where the subjects come from: "groups.csv", "folder", or the expression on names.
    extra: keys of another version.
    """

    folder: Path
    name: str
    class_names: tuple[str, ...]  # labels are places in it; of two, the second is the positive one
    image_size: int
    seed: int
    fingerprint: str
    split_id: str
    source: str
    created: str
    candidates: int
    refused: int
    counts: dict[str, tuple[int, ...]]  # part -> pictures of each class
    copies: int = 0  # pictures with the very pixels of another one
    fit: Literal["stretch", "pad", "crop"] = "stretch"  # how a picture becomes a square
    subjects: int = 0  # how many the pictures are of; 0 where it is not known
    grouped_by: str = ""
    remarks: dict[str, int] = field(default_factory=dict)  # what was changed -> about how many
    extra: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def images(self) -> np.ndarray:
        """`(n, image_size, image_size, 3)` uint8 RGB, memory-mapped, read-only."""
        return self._array("images.npy", (self.image_size, self.image_size, 3), mmap_mode="r")

    @cached_property
    def labels(self) -> np.ndarray:
        """`(n,)` uint8, places in `class_names`."""
        return self._array("labels.npy")

    @cached_property
    def masks(self) -> np.ndarray | None:
        """`(n, image_size, image_size)` uint8 for drawn pictures, None for others."""
        if not (self.folder / "masks.npy").exists():
            return None
        return self._array("masks.npy", (self.image_size, self.image_size), mmap_mode="r")

    @cached_property
    def part_of(self) -> np.ndarray:
        """`(n,)` uint8: each picture's place in `PARTS`."""
        return self._array("split.npy")

    @cached_property
    def pictures(self) -> np.ndarray:
        """`(n,)` identities of the pictures; the first version did not store them."""
        if (self.folder / "pictures.npy").exists():
            return self._array("pictures.npy").astype("U64")
        return np.array([identity.of_picture(pixels) for pixels in self.images])

    @cached_property
    def file_names(self) -> list[str]:
        """Each picture's name inside the source."""
        if not (self.folder / TABLE).exists() and (self.folder / "files.txt").exists():
            return self._first_file_names()
        return [row[0] for row in self._table()]

    @cached_property
    def groups(self) -> np.ndarray | None:
        """`(n,)` str, each picture's subject; None where no subjects are known."""
        return np.array([row[2] for row in self._table()]) if self.subjects else None

    def _table(self) -> list[list[str]]:
        """Rows of (file, class, group, part), in the order of the arrays."""
        try:
            with (self.folder / TABLE).open(encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file, strict=True)
        except (OSError, ValueError, csv.Error) as error:
            raise self._damaged(TABLE) from error
        whole = len(rows) == self.size and all(len(row) == len(COLUMNS) for row in rows)
        if tuple(header) != COLUMNS or not whole:
            raise self._damaged(TABLE)
        return rows

    def _first_file_names(self) -> list[str]:
        """File names as they stood before there were subjects."""
        try:
            names = (self.folder / "files.txt").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise self._damaged("files.txt") from error
        if len(names) != self.size:
            raise self._damaged("files.txt")
        return names

    def indices(self, part: str) -> np.ndarray:
        """Rows of the pictures of `part`, ascending."""
        return np.flatnonzero(self.part_of == PARTS.index(part))

    def rows_of(self, pictures: np.ndarray) -> np.ndarray:
        """Rows of the pictures with these identities, `(n,)`; -1 where one is not here."""
        known, first = self._places
        at = np.searchsorted(known, pictures).clip(max=len(known) - 1)
        return np.where(known[at] == pictures, first[at], -1)

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        return np.unique(self.pictures, return_index=True)

    def changes(self) -> list[str]:
        """What was changed in pictures, a sentence for each kind, without its stop."""
        return [remark_of(count, remark) for remark, count in self.remarks.items()]

    def refused_files(self) -> list[tuple[str, str]]:
        """(file, reason) of every file that was left out."""
        try:
            with (self.folder / "refused.csv").open(encoding="utf-8", newline="") as file:
                rows = [(row[0], row[1]) for row in list(csv.reader(file))[1:]]
        except (OSError, UnicodeDecodeError, csv.Error, IndexError) as error:
            raise self._damaged("refused.csv") from error
        if len(rows) != self.refused:
            raise self._damaged("refused.csv")
        return rows

    @property
    def size(self) -> int:
        return sum(sum(of_part) for of_part in self.counts.values())

    def _array(self, name: str, shape: tuple[int, ...] = (), **how) -> np.ndarray:
        try:
            array = np.load(self.folder / name, allow_pickle=False, **how)
        except (OSError, ValueError, EOFError) as error:
            raise self._damaged(name) from error
        if array.shape != (self.size, *shape):
            raise self._damaged(name)
        return array

    def _damaged(self, name: str) -> DatasetError:
        return DatasetError(
            f"{name} of the dataset '{self.name}' is missing or damaged; prepare it again."
        )


def _split_by_rows(stored: dict, folder: Path) -> dict:
    """Schema 1 to 2: a split id."""
    try:
        rows = np.flatnonzero(np.load(folder / "split.npy") == PARTS.index("test"))
        labels = np.load(folder / "labels.npy")[rows]
    except (OSError, ValueError, EOFError, IndexError) as error:
        raise ValueError("its split.npy or labels.npy is damaged") from error
    return stored | {"split_id": identity.of_rows(stored["fingerprint"], rows, labels)}


def _names_in_files_txt(stored: dict, _: Path) -> dict:
    """Schema 2 to 3: nothing but where file names stand, which only newer versions look for."""
    return stored


KIND = records.Kind(Dataset, steps=(_split_by_rows, _names_in_files_txt))


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


def open_dataset(workspace: Workspace, name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        DatasetError: if there is none, naming those that are there.
        RecordError: if it cannot be read.
    """
    folder = workspace.datasets / name
    if not NAME.fullmatch(name) or not folder.is_dir():
        others = ", ".join(p.name for p in dataset_folders(workspace)) or "none yet"
        raise DatasetError(
            f"The dataset '{name}' does not exist; there is: {others}; "
            "`python -m engine prepare` makes one."
        )
    found = read_folder(folder)
    if isinstance(found, Dataset):
        return found
    why = found.why if found else "it was removed meanwhile."
    raise RecordError(f"The dataset '{name}' is unreadable: {why}")


def read_datasets(workspace: Workspace) -> tuple[list[Dataset], list[Unreadable]]:
    """Every dataset, oldest first, and every one that cannot be read."""
    found = [one for f in dataset_folders(workspace) if (one := read_folder(f))]
    readable = [one for one in found if isinstance(one, Dataset)]
    return sort(readable), [one for one in found if isinstance(one, Unreadable)]


def list_datasets(workspace: Workspace) -> list[Dataset]:
    """Every dataset that can be read, oldest first."""
    return read_datasets(workspace)[0]


def sort(found: list[Dataset]) -> list[Dataset]:
    return sorted(found, key=lambda one: (one.created, one.name))


def dataset_folders(workspace: Workspace) -> list[Path]:
    try:
        found = [p for p in workspace.datasets.iterdir() if NAME.fullmatch(p.name) and p.is_dir()]
    except FileNotFoundError:
        return []
    return sorted(found)


def read_folder(folder: Path) -> Dataset | Unreadable | None:
    """The dataset in `folder`; None where nothing is (any more)."""
    way_out = "remove its folder and prepare it again."
    try:
        return replace(records.read(folder / "dataset.json", KIND), name=folder.name)
    except FileNotFoundError:
        if not folder.is_dir():
            return None
        return Unreadable(folder.name, f"its dataset.json is missing; {way_out}", folder)
    except RecordError as error:
        return Unreadable(folder.name, f"{error}; {way_out}", folder)
