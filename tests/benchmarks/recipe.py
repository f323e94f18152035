"""What each part of the recipe of `fast` is worth: trainings with one part left out.

    python -m tests.benchmarks.recipe [--pictures 2500] [--epochs 8] [VARIANT ...]

Judged on validation and test together, which nothing here is chosen by. A line is printed as soon
as it is known; the standard error of an accuracy near 0.8 on 2,000 pictures is 0.009.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.benchmarks.training import NAME, OtherRows, prepared

PARTS = {
    "whole": {},
    "adamw": {"optimizer": "adamw", "learning_rate": 3e-3, "momentum": 0.9},
    "sgd": {"optimizer": "sgd", "learning_rate": 5e-2, "momentum": 0.9},
    "no-whitening": {},
    "no-smoothing": {"label_smoothing": 0.0},
    "shifts": {"crop": 1.0},
    "as-they-are": {"augment": False},
    "full-size": {"progressive": False},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", choices=[*PARTS, []], metavar="VARIANT")
    parser.add_argument("--pictures", type=int, default=2500)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--workspace", type=Path, help=f"one that holds {NAME}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = asked.workspace or prepared(folder)
        for name in asked.variants or PARTS:
            tell(name, place, asked.pictures, asked.epochs)


def tell(name: str, place: Path, pictures: int, epochs: int) -> None:
    from engine import inference
    from engine.commands.learn import model_of, settled
    from engine.data.dataset import open_dataset
    from engine.data.question import task_of
    from engine.evaluation.roc import auc
    from engine.models.presets import PRESETS
    from engine.training import fit
    from engine.training.config import train_config
    from engine.workspace import Workspace

    task = task_of(open_dataset(Workspace(place), NAME), None)
    rows = np.random.default_rng(1).permutation(task.indices("train"))[:pictures]
    judged = np.concatenate([task.indices(part) for part in ("validation", "test")])
    some = OtherRows(task, {"train": rows, "validation": judged[:64], "test": judged})
    config = train_config("fast", epochs=epochs, **PARTS[name])
    config = settled(Workspace(place), config, some)
    whole = PRESETS["fast"]
    if name == "no-whitening":
        PRESETS["fast"] = replace(whole, start="")
    model = model_of(config, some)
    PRESETS["fast"] = whole
    if name == "no-whitening":
        model.get_layer("whiten").trainable = True
        fit.compile_model(model, config)
    began = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        fit.fit(
            model, some, config, Path(folder), report=lambda told: None, should_stop=lambda: False
        )
    wall, busy = time.perf_counter() - began[0], time.process_time() - began[1]
    logit, truth = inference.logits(model, task.images, judged), task.labels[judged]
    print(f"{name:13} accuracy {((logit > 0) == truth).mean():.3f}  AUC {auc(truth, logit):.4f}  "
          f"{wall:4.0f} s, {busy:4.0f} s of a core", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
