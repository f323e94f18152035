"""How much an AUC flatters where pictures of one subject stand on both sides of the split.

100 drawn animals, each five times under other light; a run judged by subjects against one judged
picture by picture, for ten seeds. The figures stand in docs/subjects.md: `make bench` prints them.
"""

import sys

import cv2
import numpy as np
import pytest
from scipy import stats

from engine.commands.prepare import prepare
from engine.commands.train import create_run, train_run
from engine.data import drawn
from engine.training.config import train_config
from engine.workspace import Workspace

ANIMALS, LIGHTS, SEEDS = 100, 5, 10
SIZE, EPOCHS = 64, 12
SUBJECT = r"animal_(\d+)"


@pytest.fixture
def animals(tmp_path):
    """`animals(seed)`: a folder with five pictures of each animal."""

    def write(seed: int):
        folder = tmp_path / f"animals-{seed}"
        for i, label in enumerate(drawn.labels(ANIMALS, seed)):
            of_class = folder / drawn.CLASS_NAMES[label]
            of_class.mkdir(parents=True, exist_ok=True)
            for light in range(1, LIGHTS + 1):
                image, _ = drawn.draw_one(seed, i, int(label), SIZE, light)
                path = of_class / f"animal_{i}_{light}.png"
                assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        return folder

    return write


def test_an_auc_of_known_subjects_flatters(animals, tmp_path):
    place = Workspace(tmp_path / "workspace")
    found = {None: [], SUBJECT: []}
    print(f"\n{'seed':>4} {'by picture':>11} {'by subject':>11}", file=sys.stderr)
    for seed in range(1, SEEDS + 1):
        folder = animals(seed)
        for group_by, aucs in found.items():
            name = f"{'subjects' if group_by else 'pictures'}-{seed}"
            prepare(place, str(folder), name, image_size=SIZE, seed=seed, group_by=group_by)
            config = train_config("quick", image_size=SIZE, epochs=EPOCHS, seed=seed)
            aucs.append(train_run(place, create_run(place, name, config)).interval.value)
        by_picture, by_subject = (aucs[-1] for aucs in found.values())
        print(f"{seed:>4} {by_picture:>11.3f} {by_subject:>11.3f}", file=sys.stderr)
    means = [np.mean(aucs) for aucs in found.values()]
    difference = np.subtract(*found.values())
    low, high = stats.t.interval(
        0.95, SEEDS - 1, loc=difference.mean(), scale=stats.sem(difference)
    )
    print(
        f"mean {means[0]:>11.3f} {means[1]:>11.3f}; flattered by {difference.mean():.3f} "
        f"(95% {low:.3f} to {high:.3f}, paired t, {SEEDS} seeds)",
        file=sys.stderr,
    )
    assert low > 0
