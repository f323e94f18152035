"""prepare: a source becomes a dataset; and what datasets there are, done or under way."""

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from engine import files
from engine.data import dataset as datasets
from engine.data.dataset import Dataset
from engine.errors import ConfigError, DatasetError
from engine.jobs import local
from engine.models.presets import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from engine.settings import settings

DRAWN = "drawn"
DRAWN_COUNT = 2000


@dataclass(frozen=True)
class Preparing:
    """A dataset that a living process is making."""

    name: str
    done: int
    total: int
    refused: int


def prepare(
    source: str,
    name: str,
    *,
    image_size: int = 150,
    seed: int = 1,
    count: int = DRAWN_COUNT,
    replace: bool = False,
    progress: Callable[[int, int, int], None] = lambda done, total, refused: None,
) -> Dataset:
    """Make the dataset `name` from a folder, a zip or "drawn", whole or not at all.

    The same name with the same content takes the stored one.

    Args:
        count: how many pictures are drawn; of no effect on other sources.
        replace: let other content take the name; runs keep the fingerprint they were made on.
        progress: called with (pictures done, all, refused).

    Raises:
        SourceError, DatasetError, ConfigError: in a sentence, with nothing left behind.
    """
    try:
        return _prepare(source, name, image_size, seed, count, replace, progress)
    finally:
        _forget_upload(source)


def start(content: BinaryIO, name: str, *, image_size: int = 150) -> str:
    """Take in an uploaded zip in a process of its own, which outlives whoever sent it.

    Returns:
        The job's id, for `jobs.local.look`.

    Raises:
        DatasetError: if the name cannot be used or is in use; then nothing is written.
    """
    datasets.check_name(name)
    if (settings().datasets / name / "dataset.json").exists():
        raise DatasetError(f"The dataset '{name}' exists; choose another name.")
    if any(one.name == name for one in preparing()):
        raise DatasetError(f"The dataset '{name}' is being prepared; choose another name.")
    folder = settings().workspace / "uploads" / secrets.token_hex(8)
    folder.mkdir(parents=True)
    upload = folder / f"{name}.zip"
    with upload.open("wb") as file:
        shutil.copyfileobj(content, file)
    argv = ["prepare", str(upload), "--name", name, "--image-size", str(image_size)]
    return local.start(job_of(name), argv)


def job_of(name: str) -> str:
    """The id of the job that takes in the dataset `name`."""
    return f"prepare-{datasets.check_name(name)}"


def _forget_upload(source: str) -> None:
    """An upload has served when `prepare` has ended, however it ended."""
    folder = Path(source).parent
    if folder.parent == settings().workspace / "uploads":
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(source, name, image_size, seed, count, replace, progress) -> Dataset:
    datasets.check_name(name)
    if not MIN_IMAGE_SIZE <= image_size <= MAX_IMAGE_SIZE:
        raise ConfigError(
            f"The image size {image_size} is outside {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE} pixels; "
            "choose one within."
        )
    settings().datasets.mkdir(parents=True, exist_ok=True)
    staging = settings().datasets / f".preparing-{name}"
    try:
        with FileLock(_lock_of(staging), timeout=0):
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            try:
                about = {
                    "name": name,
                    "image_size": image_size,
                    "seed": seed,
                    "source": DRAWN if source == DRAWN else Path(source).resolve().name,
                    "created": datetime.now(UTC).isoformat(timespec="seconds"),
                }
                told = _tell(staging, progress)
                if source == DRAWN:
                    made = _draw(staging, about, count, told)
                else:
                    made = _take_in(staging, about, Path(source).expanduser(), told)
                return _place(made, settings().datasets / name, replace)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except Timeout:
        raise DatasetError(
            f"The dataset '{name}' is being prepared by another process; wait for it, or choose "
            "another name."
        ) from None


def preparing() -> list[Preparing]:
    """Datasets that are being made at this moment."""
    found = []
    for path in settings().datasets.glob(".preparing-*/progress.json"):
        told = files.read_json(path)
        lock = FileLock(_lock_of(path.parent))
        try:
            with lock.acquire(timeout=0):
                pass  # nobody holds it: left by a process that was killed
        except Timeout:
            if told:
                found.append(Preparing(name=path.parent.name.removeprefix(".preparing-"), **told))
    return found


def _lock_of(staging: Path) -> Path:
    return staging.with_name(f"{staging.name}.lock")


def _tell(staging: Path, progress: Callable[[int, int, int], None]):
    """Progress for the caller, and in a file for whoever looks at the workspace."""

    def told(done: int, total: int, refused: int) -> None:
        state = {"done": done, "total": total, "refused": refused}
        files.write_json(staging / "progress.json", state, sync=False)
        progress(done, total, refused)

    return told


def _draw(staging: Path, about: dict, count: int, progress) -> Dataset:
    from engine.data import drawn
    from engine.data.intake import draw_in

    if count < 2 * datasets.MIN_PER_CLASS:
        raise ConfigError(
            f"{count} drawn pictures are too few; ask for at least {2 * datasets.MIN_PER_CLASS}."
        )
    images, masks = staging / "images.npy", staging / "masks.npy"
    report, labels = draw_in(count, about["image_size"], about["seed"], images, masks, progress)
    names = [f"{drawn.CLASS_NAMES[label]}.{i}.png" for i, label in enumerate(labels)]
    return datasets.write_dataset(
        staging,
        about=about | {"class_names": drawn.CLASS_NAMES},
        labels=labels,
        hashes=report.hashes,
        file_names=names,
        refused=[],
    )


def _take_in(staging: Path, about: dict, path: Path, progress) -> Dataset:
    from engine.data.intake import take_in
    from engine.data.sources import open_source

    source = open_source(path)
    report = take_in(source, about["image_size"], staging / "images.npy", progress)
    kept = np.flatnonzero(report.kept)
    refused = [(source.files[i], reason) for i, reason in report.refused] + list(source.refused)
    return datasets.write_dataset(
        staging,
        about=about | {"class_names": source.class_names},
        labels=np.array(source.labels, np.uint8)[kept],
        hashes=report.hashes[kept],
        file_names=[source.files[i] for i in kept],
        refused=refused,
    )


def _place(made: Dataset, place: Path, replace: bool) -> Dataset:
    """Publish what was made, or take the stored one where it is the same."""
    if (place / "dataset.json").exists():
        stored = datasets.open_dataset(place)
        if (stored.fingerprint, stored.seed) == (made.fingerprint, made.seed):
            return stored
        if not replace:
            what = (
                f"is split by the seed {stored.seed}"
                if stored.fingerprint == made.fingerprint
                else "holds other pictures"
            )
            raise DatasetError(
                f"The dataset '{made.name}' exists and {what}; choose another name, or give "
                "--replace to put this one in its place (runs keep their fingerprint)."
            )
    (made.folder / "progress.json").unlink(missing_ok=True)
    datasets.publish(made.folder, place)
    return datasets.open_dataset(place)
