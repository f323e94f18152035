"""train: a dataset and a configuration become a run, in the process that calls this."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from engine.commands import line
from engine.commands.evaluate import Evaluation, Means
from engine.commands.learn import Report, learn
from engine.data.dataset import Dataset, open_dataset
from engine.data.question import Question, task_of
from engine.errors import CamsightError, ConfigError, JobError, RunError
from engine.jobs import queue
from engine.models.presets import MIN_IMAGE_SIZE
from engine.runs import outcome, store
from engine.runs.store import Run
from engine.training.config import TrainConfig
from engine.workspace import Workspace

log = logging.getLogger("camsight")


def create_run(
    workspace: Workspace,
    dataset_name: str,
    config: TrainConfig,
    question: Question | None = None,
    *,
    series: str = "",
    varies: tuple[str, ...] = (),
) -> Run:
    """A queued run, which `train_run` takes up in this process, or `line.put` gives to another.

    It has no ticket yet: the dispatcher would take up one that has a ticket and no process.

    Args:
        question: which classes of the dataset are told apart; None for all of them.
        series, varies: see `Run`.

    Raises:
        DatasetError: if there is no such dataset.
        ConfigError: if the image size is above the dataset's.
    """
    dataset = open_dataset(workspace, dataset_name)
    check_size(config, dataset)
    task = task_of(dataset, question)
    return store.create(
        workspace,
        config.preset,
        dataset=dataset.name,
        dataset_fingerprint=dataset.fingerprint,
        split_id=task.split_id,
        dataset_image_size=dataset.image_size,
        dataset_fit=dataset.fit,
        class_names=task.class_names,
        positive=question.positive if question else (),
        negative=question.negative if question else (),
        subjects=task.subjects(),
        image_size=config.image_size,
        config=config.model_dump(),
        series=series,
        varies=varies,
    )


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
) -> Evaluation | Means | None:
    """Train a queued run to its end, and judge its best weights on validation and test.

    Waits while runs that came first train or wait. Every outcome ends up in the run's folder.

    Args:
        report: called with the progress, which is also written to the run's folder.

    Returns:
        The evaluation on the test part; None if the run was stopped before it had weights.

    Raises:
        CamsightError: if the run failed, in a sentence.
    """
    with store.taken_up(run), _logging_to(run):

        def told(progress: dict) -> None:
            outcome.write_progress(run.folder, progress)
            report(progress)

        try:
            if not _is_its_turn(workspace, run, told):
                store.save(run, status="stopped", ended=store.now())
                return None
            return learn(workspace, run, told)
        except CamsightError as error:
            line.fail(run, str(error))
            raise
        except Exception as error:
            log.exception("the run failed")
            what = type(error).__name__
            reason = error.strerror if isinstance(error, OSError) else f"{what}: {error}"
            sentence = f"The run '{run.id}' failed ({reason}); its log.txt says where."
            line.fail(run, sentence)
            raise RunError(sentence) from error
        finally:
            queue.leave(workspace, run.id)


def _is_its_turn(workspace: Workspace, run: Run, told: Report) -> bool:
    """Wait until all that came first have ended; False if asked to stop meanwhile."""
    with suppress(JobError):  # else those that wait for a killed dispatcher would lose their place
        line.ensure(workspace)
    waiting = False
    while not queue.is_turn(workspace, run.id, partial(line.is_active, workspace)):
        if store.asked_to_stop(run):
            return False
        if not waiting:
            waiting = True
            log.info("waiting for another run to end")
            told({"phase": "waiting"})
        time.sleep(line.LOOK_AGAIN)
    return not store.asked_to_stop(run)


@contextmanager
def _logging_to(run: Run) -> Iterator[None]:
    """What the engine logs goes to log.txt, too."""
    handler = logging.FileHandler(run.folder / "log.txt", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    log.info("%s, process %d, %s", run.id, os.getpid(), time.strftime("%z"))
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
