"""estimate: how long a training would take here, measured in a process of its own."""

import hashlib
import json
import time
from dataclasses import asdict

from engine import jobs
from engine.commands.learn import model_of, settled
from engine.commands.train import check_size
from engine.data.dataset import open_dataset
from engine.data.question import Question, task_of
from engine.people import Role, require
from engine.settings import settings
from engine.training.config import TrainConfig
from engine.workspace import Workspace

BUSY_KEPT = 600  # seconds for which an estimate of a busy machine answers


def start_estimate(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
) -> None:
    """Measure in a process of its own how long a training would take, unless that is known.

    Raises:
        AccessError: if whoever asks may not train.
        JobError: if they have as many jobs at work as one person may, or it could not be started.
    """
    require(workspace.by, Role.TRAINER, "measure a training")
    found = find_estimate(workspace, dataset_name, config, question)
    if found is None or (not found.alive and found.result is None):
        options = [
            part for name, value in config.model_dump().items() for part in _option(name, value)
        ]
        for side in ("positive", "negative"):
            for name in getattr(question, side, ()):
                options += [f"--{side}", name]
        argv = ["train", "--estimate", "--dataset", dataset_name, *options]
        label = _label(workspace, dataset_name, config, question)
        jobs.submit(workspace, argv, label=label, once=True, at_most=settings().jobs_at_once)


def find_estimate(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
) -> jobs.Job | None:
    """The newest measurement of such a training, under way or ended; None if there is none, or
    only one of a busy machine that is out of date.

    Its result holds seconds, seconds_per_epoch and pictures_per_second.
    """
    job = jobs.find(workspace, _label(workspace, dataset_name, config, question))
    busy = job and isinstance(job.result, dict) and job.result.get("busy")
    return None if busy and time.time() - job.started > BUSY_KEPT else job


def _label(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None
) -> str:
    dataset = open_dataset(workspace, dataset_name)
    of = [dataset.fingerprint, timed(config), *([asdict(question)] if question else [])]
    asked = json.dumps(of, sort_keys=True)
    return f"estimate-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def timed(config: TrainConfig) -> dict:
    """What a training's speed depends on; trainings that agree in it take as long for an epoch."""
    names = [
        "preset", "image_size", "batch_size", "optimizer", "augment", "precision", "backbone",
        "fine_tune",
    ]  # fmt: skip
    names += ["progressive"] * config.progressive  # runs of before do not tell
    return {name: getattr(config, name) for name in names}


def _option(name: str, value) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", str(value)]


def estimate(
    workspace: Workspace, dataset_name: str, config: TrainConfig, question: Question | None = None
):
    """How long a training would take here, from a short measurement; nothing is written but the
    precision that turned out to be faster.

    Raises:
        AccessError: if whoever asks may not train.
        JobError: if they have as many jobs at work as one person may, or it could not be started.
    """
    require(workspace.by, Role.TRAINER, "measure a training")
    began = time.perf_counter()
    dataset = open_dataset(workspace, dataset_name)
    check_size(config, dataset)
    from engine.training import fit, transfer

    task = task_of(dataset, question)
    config = settled(workspace, config, task)
    how = transfer if config.backbone else fit
    return how.estimate(model_of(config, task), task, config, began=began)
