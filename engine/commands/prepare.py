"""prepare: a source becomes a dataset; and what datasets there are, done or under way."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydantic import BaseModel, ValidationError

from engine import audit, files, formats, jobs, lease, quota
from engine.commands.preview import preview
from engine.data import dataset as datasets
from engine.data import subjects, writing
from engine.data.dataset import Dataset
from engine.data.decode import check_fit
from engine.data.sources import Source, open_source, with_positive
from engine.errors import ConfigError, DatasetError, JobError, SourceError
from engine.models.presets import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from engine.people import Role, require
from engine.settings import settings
from engine.workspace import Workspace

DRAWN = "drawn"
DRAWN_COUNT = 2000
UPLOAD = "upload:"  # before an upload's place in the workspace, which a job may read elsewhere


class Intake(BaseModel):
    """How far an intake is, as its progress.json says."""

    done: int
    total: int
    refused: int


@dataclass(frozen=True)
class Preparing:
    """A dataset that a living process is making."""

    name: str
    done: int
    total: int
    refused: int


def prepare(
    workspace: Workspace,
    source: str,
    name: str,
    *,
    image_size: int = 150,
    seed: int = 1,
    count: int = DRAWN_COUNT,
    replace: bool = False,
    group_by: str | None = None,
    positive: str | None = None,
    fit: str = "stretch",
    progress: Callable[[int, int, int], None] = lambda done, total, refused: None,
) -> Dataset:
    """Make the dataset `name` from a folder, a zip or "drawn", whole or not at all.

    The same name with the same content takes the stored one.

    Args:
        count: how many pictures are drawn; of no effect on other sources.
        replace: let other content take the name; runs keep the fingerprint they were made on.
        group_by: where a picture's subject is told, which the split keeps in one part: "folder" for
            the folder below its class folder, or an expression with one group on its file's name.
            A groups.csv in the source comes before both.
        positive: which of two classes is the positive one, in whatever case; the second by name
            where None.
        fit: how a picture becomes a square, a name in `decode.FITS`.
        progress: called with (pictures done, all, refused).

    Raises:
        SourceError, DatasetError, ConfigError: in a sentence, with nothing left behind.
        AccessError: if whoever asks may not prepare pictures, or is no admin and would replace.
    """
    if replace:
        require(workspace.by, Role.ADMIN, f"replace the dataset {name}")
    require(workspace.by, Role.TRAINER, "prepare pictures")
    try:
        datasets.check_name(name)
        _check_size(image_size)
        check_fit(fit)
        workspace.datasets.mkdir(parents=True, exist_ok=True)
        with _name_of_ones_own(workspace, name) as staging:
            about = {
                "name": name,
                "image_size": image_size,
                "seed": seed,
                "fit": fit,
                "source": DRAWN if source == DRAWN else Path(source).resolve().name,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            told = _tell(staging, progress)
            if source == DRAWN:
                made = _draw(staging, about, count, group_by, positive, told)
            else:
                found = open_source(_place_of(workspace, source), group_by, positive)
                made = _take_in(staging, about, found, told)
            formats.migrate(workspace)  # what a workspace begins with is a dataset
            return _place(workspace, made, replace)
    finally:
        _forget_upload(workspace, source)


def look_alike(dataset: Dataset) -> subjects.Alike | None:
    """Whether names of a dataset without subjects look as if they told some."""
    if dataset.subjects or dataset.source == DRAWN:
        return None
    return subjects.look_alike(dataset.file_names, dataset.labels)


def start(
    workspace: Workspace,
    content: BinaryIO,
    name: str,
    *,
    image_size: int = 150,
    group_by: str | None = None,
    positive: str | None = None,
    fit: str = "stretch",
    lies: Path | None = None,
) -> str:
    """Take in an uploaded zip in a process of its own, which outlives whoever sent it.

    Args:
        group_by, positive: as in `prepare`.
        lies: where the content is a file of the workspace; it gets a second name there, in place of
            a copy, so that whoever keeps the first may remove it.

    Returns:
        The job's id, for `jobs.look`.

    Raises:
        DatasetError: if the name cannot be used or is in use; then nothing is written. Of two that
            are sent at the same moment, one ends with this error as its job's.
        ConfigError: if the image size is out of bounds, or there is no such fit.
        SourceError: if subjects or the positive class are asked for, and cannot be had.
        AccessError: if whoever asks may not prepare pictures.
        JobError: if they have as many jobs at work as one person may, or it could not be started.
    """
    require(workspace.by, Role.TRAINER, "prepare pictures")
    datasets.check_name(name)
    _check_size(image_size)
    check_fit(fit)
    if group_by is not None or positive is not None:
        with_positive(preview(content, group_by).class_names, positive, f"{name}.zip")
    if (workspace.datasets / name).exists():
        raise DatasetError(f"The dataset '{name}' exists; choose another name.")
    under_way = jobs.find(workspace, job_label(name))
    if (under_way and under_way.alive) or any(one.name == name for one in preparing(workspace)):
        raise DatasetError(f"The dataset '{name}' is being prepared; choose another name.")
    token = secrets.token_hex(8)
    upload = workspace.uploads / token / f"{name}.zip"
    upload.parent.mkdir(parents=True)
    try:
        _keep(content, lies, upload)
        source = f"{UPLOAD}{token}/{name}.zip"
        argv = ["prepare", source, "--name", name, "--image-size", str(image_size)]
        argv += [f"--group-by={group_by}"] if group_by is not None else []
        argv += [f"--positive={positive}"] if positive is not None else []
        argv += ["--fit", fit]
        at_most = settings().jobs_at_once
        return jobs.submit(workspace, argv, label=job_label(name), at_most=at_most)
    except (OSError, JobError):
        shutil.rmtree(upload.parent, ignore_errors=True)
        raise


def _keep(content: BinaryIO, lies: Path | None, upload: Path) -> None:
    if lies is not None:
        with suppress(OSError):  # a disk without second names
            os.link(lies, upload)
            return
    quota.check(upload.parent, content.seek(0, os.SEEK_END))
    content.seek(0)
    with upload.open("wb") as file:
        shutil.copyfileobj(content, file)


def job_label(name: str) -> str:
    """What the job that takes in the dataset `name` is found by."""
    return f"prepare-{name}"


def sweep(workspace: Workspace) -> None:
    """Remove what killed processes left of datasets, and finish swaps that were cut short."""
    if not workspace.datasets.is_dir():
        return
    left = {p.name.removeprefix(".preparing-") for p in workspace.datasets.glob(".preparing-*/")}
    for name in left | writing.swapped_out(workspace):
        try:
            with _name_of_ones_own(workspace, name):
                pass
        except DatasetError:
            continue  # somebody works on it


@contextmanager
def _name_of_ones_own(workspace: Workspace, name: str) -> Iterator[Path]:
    """An empty folder to make the dataset in, held as long as the name is; nothing is left of it.

    Whatever a killed process left under that name is cleared first.

    Raises:
        DatasetError: if another process makes a dataset of that name.
    """
    staging = writing.staging_of(workspace, name)
    try:
        with lease.hold(_lease_of(staging)):
            writing.recover(workspace, name)
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            try:
                yield staging
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except lease.Held:
        raise DatasetError(
            f"The dataset '{name}' is being prepared by another process; wait for it, or choose "
            "another name."
        ) from None


def _lease_of(staging: Path) -> Path:
    return staging.with_name(f"{staging.name}.lease.json")


def _check_size(image_size: int) -> None:
    if not MIN_IMAGE_SIZE <= image_size <= MAX_IMAGE_SIZE:
        raise ConfigError(
            f"The image size {image_size} is outside {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE} pixels; "
            "choose one within."
        )


def _place_of(workspace: Workspace, source: str) -> Path:
    """The path of a source: a person's own, or an upload's in the workspace."""
    if not source.startswith(UPLOAD):
        return Path(source).expanduser()
    token, _, name = source.removeprefix(UPLOAD).partition("/")
    if not token.isalnum() or not name or "/" in name:
        raise SourceError(f"'{source}' is no upload; give a folder or a zip.")
    return workspace.uploads / token / name


def _forget_upload(workspace: Workspace, source: str) -> None:
    """An upload has served when `prepare` has ended, however it ended."""
    if source.startswith(UPLOAD):
        shutil.rmtree(_place_of(workspace, source).parent, ignore_errors=True)


def preparing(workspace: Workspace) -> list[Preparing]:
    """Datasets that are being made at this moment."""
    found = []
    for path in sorted(workspace.datasets.glob(".preparing-*/progress.json")):
        try:
            told = Intake.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue
        if lease.is_held(_lease_of(path.parent)):
            name = path.parent.name.removeprefix(".preparing-")
            found.append(Preparing(name, told.done, told.total, told.refused))
    return found


def _tell(staging: Path, progress: Callable[[int, int, int], None]):
    """Progress for the caller, and in a file for whoever looks at the workspace."""

    def told(done: int, total: int, refused: int) -> None:
        state = {"done": done, "total": total, "refused": refused}
        files.write_json(staging / "progress.json", state, sync=False)
        progress(done, total, refused)

    return told


def _draw(
    staging: Path, about: dict, count: int, group_by: str | None, positive: str | None, progress
) -> Dataset:
    from engine.data import drawn
    from engine.data.intake import draw_in

    if count < 2 * datasets.MIN_PER_CLASS:
        raise ConfigError(
            f"{count} drawn pictures are too few; ask for at least {2 * datasets.MIN_PER_CLASS}."
        )
    if group_by is not None:
        raise ConfigError(
            "Drawn pictures are each of an animal of its own, and have no subjects to group by; "
            "leave it out."
        )
    class_names = with_positive(drawn.CLASS_NAMES, positive, DRAWN)
    images, masks = staging / "images.npy", staging / "masks.npy"
    report, labels = draw_in(count, about["image_size"], about["seed"], images, masks, progress)
    names = [f"{drawn.CLASS_NAMES[label]}.{i}.png" for i, label in enumerate(labels)]
    place_of = np.array([class_names.index(name) for name in drawn.CLASS_NAMES], np.uint8)
    return writing.write_dataset(
        staging,
        about=about | {"class_names": class_names},
        labels=place_of[labels],
        pictures=report.hashes,
        file_names=names,
        refused=[],
    )


def _take_in(staging: Path, about: dict, source: Source, progress) -> Dataset:
    from engine.data.intake import take_in

    images = staging / "images.npy"
    report = take_in(source, about["image_size"], images, progress, about["fit"])
    kept = np.flatnonzero(report.kept)
    refused = [(source.files[i], reason) for i, reason in report.refused] + list(source.refused)
    return writing.write_dataset(
        staging,
        about=about | {"class_names": source.class_names, "grouped_by": source.grouped_by},
        labels=np.array(source.labels, np.uint8)[kept],
        pictures=report.hashes[kept],
        file_names=[source.files[i] for i in kept],
        refused=refused,
        groups=None if source.groups is None else np.array(source.groups)[kept],
        remarks=[(source.files[i], remark) for i, remark in report.remarks],
    )


def _place(workspace: Workspace, made: Dataset, replace: bool) -> Dataset:
    """Publish what was made, or take the stored one where it is the same."""
    place = workspace.datasets / made.name
    if place.exists():
        stored = datasets.read_folder(place)
        readable = isinstance(stored, Dataset)
        difference = writing.difference(stored, made) if readable else "cannot be read"
        if not difference:
            return stored
        if not replace:
            raise DatasetError(
                f"The dataset '{made.name}' exists and {difference}; choose another name, or give "
                "--replace to put this one in its place (runs keep their fingerprint)."
            )
    verb = "replace" if place.exists() else "prepare"
    audit.note(workspace, verb, made.name, source=made.source, pictures=made.size)
    (made.folder / "progress.json").unlink(missing_ok=True)
    writing.publish(made.folder, place)
    return datasets.open_dataset(workspace, made.name)
