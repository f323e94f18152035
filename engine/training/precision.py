"""Which precision trains a network faster on this machine: measured once, then remembered."""

import logging
import time

import numpy as np

from engine import backend, files, processes
from engine.models.build import build
from engine.training.config import TrainConfig
from engine.training.fit import compile_model
from engine.workspace import Workspace

log = logging.getLogger("camsight")
PICTURES = 16  # in a step that is timed: few, since bfloat16 is slow where it must be imitated
STEPS = 3  # after one that traces
WORTH = 0.9  # bfloat16 is taken if a step takes at most this share of float32's time


def faster(workspace: Workspace, config: TrainConfig, classes: int) -> str:
    """ "bfloat16" where a step of this very network takes less time in it, else "float32".

    What was measured lies in the workspace's precision.json, by machine, network and image size. A
    file that cannot be read or written costs another measurement and no more.
    """
    path = workspace.path / "precision.json"
    name = backend.device()["name"]
    network = f"{config.preset} {config.backbone}".strip()
    key = f"{processes.machine()}, {name}: {network}, {config.image_size} px"
    found = _read(path).get(key)
    if found not in ("float32", "bfloat16"):
        exact, half = (seconds(config, classes, one) for one in ("float32", "bfloat16"))
        found = "bfloat16" if half <= WORTH * exact else "float32"
        log.info("a step takes %.3f s in float32 and %.3f s in bfloat16", exact, half)
        try:
            files.write_json(path, _read(path) | {key: found})
        except OSError as error:
            log.warning("the faster precision could not be kept: %s", error.strerror)
    return found


def _read(path) -> dict:
    try:
        known = files.read_json(path)
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def seconds(config: TrainConfig, classes: int, precision: str) -> float:
    """Of the fastest of a few steps of training, with pictures of noise."""
    size, rng = config.image_size, np.random.default_rng(config.seed)
    model = build(
        config.preset, size, classes,
        l2=config.l2, precision=precision, backbone=config.backbone,
    )  # fmt: skip
    compile_model(model, config)
    pictures = rng.integers(0, 256, (PICTURES, size, size, 3), np.uint8)
    labels = rng.integers(0, classes, (PICTURES, 1)).astype(np.float32)
    took = []
    for _ in range(1 + STEPS):
        started = time.perf_counter()
        model.train_on_batch(pictures, labels)
        took.append(time.perf_counter() - started)
    return min(took[1:])
