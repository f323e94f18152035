"""The tab Comparison: the run on the page tested against another one."""

from functools import partial

import numpy as np
import pytest

from dashboard.parts import links
from engine.evaluation.compare import paired
from engine.runs import outcome, store
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import cards, said

opened = partial(pages.opened, links.EVALUATE, tab="Comparison")


@pytest.fixture
def place(empty_workspace) -> Workspace:
    return Workspace(empty_workspace)


@pytest.fixture
def judged(place, add_run):
    """`judged(seed, skill)`: a run with predictions on the same 120 test pictures as the others."""

    def make(seed: int, skill: float):
        run = add_run(place)
        y_true = np.repeat([0, 1], 60)
        score = np.random.default_rng(seed).normal(skill * y_true, 1)
        told = {"picture": np.array([f"{n:064}" for n in range(120)]), "y_true": y_true,
                "logit": score, "y_score": 1 / (1 + np.exp(-score))}  # fmt: skip
        outcome.write_predictions(run.folder, {"test": told, "validation": told})
        return run

    return make


def figures(at) -> dict[str, str]:
    (table,) = [one.value for one in at.table if "Figure" in one.value]
    rows = zip(*table.values.T, strict=True)
    return {name.replace("\\", ""): value.replace("\\", "") for name, value in rows}


def test_without_another_run_it_says_how_to_choose_one(judged):
    judged(1, 1.0)
    at = opened(run="quick-1")
    assert "Choose a run under “Compare with”" in said(at)
    assert "Difference in AUC" not in cards(at)


def test_another_run_is_tested_at_the_level_of_the_page(judged):
    told = [store.predictions(run, "test") for run in (judged(1, 2.0), judged(2, 0.3))]
    at = opened(run="quick-1", against="quick-2", level="90")
    found = paired(told[0]["y_true"], *(of["y_score"] for of in told), level=0.9)
    card = cards(at)["Difference in AUC"]
    assert card["value"] == f"{found.difference:+.3f}"
    assert card["interval"] == f"90% {found.low:+.3f} to {found.high:+.3f}"
    assert "Yes, quick-1 is better" in said(at)
    assert figures(at)["Pictures"] == "60 + 60"
    assert figures(at)["quick-1 − quick-2"] == f"{found.difference:+.4f}"


def test_on_validation_runs_are_tested_on_their_test_pictures_all_the_same(judged):
    judged(1, 2.0), judged(2, 0.3)
    at = opened(run="quick-1", against="quick-2", split="validation")
    assert "n = 120 shared test pictures" in cards(at)["Difference in AUC"]["evidence"].replace(
        "\u00a0", " "
    )
    assert "runs are tested on their test pictures alone" in said(at)


def test_of_many_classes_the_one_on_the_page_is_tested(tmp_path, use_workspace, add_many):
    use_workspace(tmp_path)
    first = add_many(tmp_path, ("cat", "dog", "fox"))
    again = store.save(
        add_many(tmp_path, ("cat", "dog", "fox"), name="again", seed=2), split_id=first.split_id
    )
    told = {part: store.predictions(first, part) for part in outcome.PARTS}
    rng = np.random.default_rng(1)
    for of in told.values():
        of["y_score"] = rng.dirichlet(np.ones(3), len(of["y_true"]))
    outcome.write_predictions(again.folder, told)
    at = opened(run="quick-1", against="quick-2", class_="dog")
    truth, scores = store.predictions(first, "test"), told["test"]["y_score"][:, 1]
    found = paired(truth["y_true"] == 1, truth["y_score"][:, 1], scores)
    assert cards(at)["Difference in AUC"]["value"] == f"{found.difference:+.3f}".replace("-", "−")
    assert "Every figure of the difference, dog against the rest" in said(at)


def test_a_run_that_cannot_be_compared_is_refused_with_the_reason(judged, place, add_run):
    judged(1, 1.0)
    run = add_run(place, dataset_image_size=128, split_id="6" * 64)
    told = {part: store.predictions(store.open_run(place, "quick-1"), part)
            for part in outcome.PARTS}  # fmt: skip
    outcome.write_predictions(run.folder, told)
    at = opened(run="quick-1", against="quick-2")
    assert any("stored in other ways" in one.value for one in at.warning)
    assert "Difference in AUC" not in cards(at)
