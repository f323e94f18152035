"""train: a dataset and a configuration become a run, in the process that calls this."""

import logging
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from engine import files
from engine.commands import line
from engine.commands.cross import cross
from engine.commands.evaluate import Evaluation, Means
from engine.commands.folds import CrossValidation
from engine.commands.learn import Report, learn
from engine.commands.prepare import DRAWN
from engine.data.dataset import Dataset, open_dataset
from engine.data.question import Question, task_of
from engine.errors import CamsightError, ConfigError, JobError, RunError
from engine.jobs import queue
from engine.models.presets import MIN_IMAGE_SIZE
from engine.people import Role, require
from engine.runs import outcome, store
from engine.runs.record import Run
from engine.training import checkpoint
from engine.training.config import TrainConfig, train_config
from engine.workspace import Workspace

log = logging.getLogger("camsight")


def create_run(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
) -> Run:
    """A queued run, which `train_run` takes up in this process, or `line.put` gives to another.

    It has no ticket yet: the dispatcher would take up one that has a ticket and no process.

    Args:
        question: which classes of the dataset are told apart; None for all of them.

    Raises:
        CamsightError: as `create_runs`.
    """
    return create_runs(workspace, dataset_name, [config], question)[0]


def create_runs(
    workspace: Workspace,
    dataset_name: str,
    configs: Sequence[TrainConfig],
    question: Question | None = None,
    **known,
) -> list[Run]:
    """A queued run, see `create_run`, for each configuration: all of them or none.

    Args:
        known: `series` and `varies` of each, see `Run`.

    Raises:
        DatasetError: if there is no such dataset.
        ConfigError: if an image size is above the dataset's.
        AccessError: if whoever asks may not train.
        RunError: if they would have too many runs in line.
    """
    require(workspace.by, Role.TRAINER, "train a run")
    dataset, made = open_dataset(workspace, dataset_name), []
    for config in configs:
        check_size(config, dataset)
    task = task_of(dataset, question)
    about = {
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "split_id": task.split_id,
        "dataset_image_size": dataset.image_size,
        "dataset_fit": dataset.fit,
        "class_names": task.class_names,
        "positive": question.positive if question else (),
        "negative": question.negative if question else (),
        "subjects": task.subjects(),
    }
    with line.room(workspace, len(configs)):
        try:
            for config in configs:
                own = {"image_size": config.image_size, "config": config.model_dump()}
                made.append(store.create(workspace, config.preset, **about, **own, **known))
        except BaseException:
            for run in made:
                shutil.rmtree(run.folder, ignore_errors=True)
            raise
    return made


def usual_preset(dataset: Dataset) -> str:
    """`transfer`, unless the pictures were drawn by us: photographs prepare for photographs."""
    return "quick" if dataset.source == DRAWN else "transfer"


def config_for(dataset: Dataset, preset: str | None = None, **chosen) -> TrainConfig:
    """`train_config` with what fits the dataset: its usual preset, and a picture size it has.

    Raises:
        ConfigError: as `train_config` does.
    """
    config = train_config(preset or usual_preset(dataset), **chosen)
    if chosen.get("image_size") is None and config.image_size > dataset.image_size:
        config = config.model_copy(update={"image_size": dataset.image_size})
    return config


def remark(config: TrainConfig, n: int) -> str:
    """What a person should know of a training on n pictures before it begins; mostly nothing."""
    by_batches = not config.backbone or config.fine_tune
    if by_batches and config.batch_size > n:
        return (
            f"The batch size {config.batch_size} is above the {n} pictures to train on, so an "
            "epoch is one step; choose a smaller one for more."
        )
    return ""


def check_size(config: TrainConfig, dataset: Dataset) -> None:
    if config.image_size > dataset.image_size:
        raise ConfigError(
            f"The image size {config.image_size} is above the {dataset.image_size} pixels of "
            f"'{dataset.name}'; choose one from {MIN_IMAGE_SIZE} to {dataset.image_size}, or "
            f"prepare the dataset with --image-size {config.image_size}."
        )


def start(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
) -> Run:
    """A new run in line, trained in a process of its own that outlives whoever asked for it."""
    run = create_run(workspace, dataset_name, config, question)
    line.put(workspace, [run])
    return run


def train_run(
    workspace: Workspace, run: Run, report: Report = lambda told: None
) -> Evaluation | Means | CrossValidation | None:
    """Train a queued run to its end, and judge its best weights on validation and test; of a
    cross-validation, train and judge each fold.

    Waits while runs that came first train or wait. Every outcome ends up in the run's folder.

    Args:
        report: called with the progress, which is also written to the run's folder.

    Returns:
        The evaluation on the test part, or of all folds; None if the run was stopped before it had
        weights, or a cross-validation before its last fold.

    Raises:
        CamsightError: if the run failed, in a sentence.
        AccessError: if whoever asks may not train.
    """
    require(workspace.by, Role.TRAINER, f"train {run.id}")
    with store.taken_up(run), _logging_to(run):
        files.sweep(run.folder)  # of a process that was killed while it wrote

        def told(progress: dict) -> None:
            try:
                outcome.write_progress(run.folder, progress)
            except OSError as error:  # for a moment: only what the run is made of counts
                if error.errno not in files.DISK_IS_FULL:
                    raise
                log.warning("how far it is could not be written: %s", error.strerror)
            report(progress)

        try:
            if not _is_its_turn(workspace, run, told):
                store.save(run, status="stopped", ended=store.now())
                return None
            return cross(workspace, run, told) if run.of else learn(workspace, run, told)
        except CamsightError as error:
            line.fail(run, str(error))
            raise
        except Exception as error:
            log.exception("the run failed")
            sentence = _why(run, error)
            line.fail(run, sentence)
            raise RunError(sentence) from error
        finally:
            queue.leave(workspace, run.id)


def _why(run: Run, error: Exception) -> str:
    """What went wrong and what to do, in a sentence."""
    if isinstance(error, OSError) and error.errno in files.DISK_IS_FULL:
        return (
            f"The disk is full ({error.strerror}), so the run '{run.id}' was ended; free some "
            "space and resume it."
        )
    if isinstance(error, OSError):
        return f"The run '{run.id}' failed ({error.strerror}); its log.txt says where."
    from engine import backend

    if isinstance(error, backend.OUT_OF_MEMORY):
        return (
            f"The memory ran out, so the run '{run.id}' was ended; end other programs and resume "
            "it, or start another with smaller batches."
        )
    what = f"{type(error).__name__}: {error}"
    return f"The run '{run.id}' failed ({what}); its log.txt says where."


def _is_its_turn(workspace: Workspace, run: Run, told: Report) -> bool:
    """Wait until all that came first have ended; False if asked to stop meanwhile, and nothing is
    there to be judged."""
    judges = checkpoint.exists(run.folder)
    with suppress(JobError):  # else those that wait for a killed dispatcher would lose their place
        line.ensure(workspace)
    waiting = False
    while not queue.is_turn(workspace, run.id, partial(line.is_active, workspace)):
        if store.asked_to_stop(run) and not judges:
            return False
        if not waiting:
            waiting = True
            log.info("waiting for another run to end")
            told({"phase": "waiting"})
        time.sleep(line.LOOK_AGAIN)
    return judges or not store.asked_to_stop(run)


class _Log(logging.FileHandler):
    """A line that the disk does not take is missing, and nothing else: no traceback beside what a
    verb prints, and no run that fails of it."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # where the file cannot be made
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        pass

    def close(self) -> None:
        with suppress(OSError):
            super().close()


@contextmanager
def _logging_to(run: Run) -> Iterator[None]:
    """What the engine logs goes to log.txt, too."""
    handler = _Log(run.folder / "log.txt", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    propagated, log.propagate = log.propagate, False
    log.info("%s, process %d, %s", run.id, os.getpid(), time.strftime("%z"))
    try:
        yield
    finally:
        log.propagate = propagated
        log.removeHandler(handler)
        handler.close()
