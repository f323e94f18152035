"""What the elements of many classes are given to draw: who is taken for whom, how each fares."""

import json

import numpy as np
import pytest

from dashboard.parts import classes, evidence
from dashboard.parts.classes import ClassRow, Rate


@pytest.fixture
def mounted(monkeypatch) -> list[dict]:
    """What was given to the browser."""
    found = []
    monkeypatch.setattr(evidence, "mount", lambda kind, data, key: found.append(data))
    return found


def test_a_cell_says_in_words_what_it_holds_and_its_share_of_the_row(mounted):
    matrix = np.array([[97, 2, 1], [0, 3, 1], [0, 0, 1]])
    classes.confusion(matrix, ("cat", "dog", "fox"), "m", chosen="0-1", target=2)
    (data,) = mounted
    cats, dogs, foxes = data["rows"]
    assert [c["says"] for c in cats] == ["cats, right", "cats taken for dogs", "cat taken for fox"]
    assert [(c["id"], c["count"], c["percent"]) for c in cats] == [
        ("0-0", "97", "97.0%"), ("0-1", "2", "2.0%"), ("0-2", "1", "1.0%"),
    ]  # fmt: skip
    assert [c["says"] for c in foxes] == ["fox, right"]
    assert [c["share"] for c in dogs] == [0.75, 0.25]
    assert (data["pressed"], data["target"], data["compact"]) == ("0-1", 2, False)


def test_cells_without_pictures_are_no_buttons_so_that_100_classes_stay_light(mounted):
    rng = np.random.default_rng(1)
    cells = rng.integers(0, 100 * 100, 1500)
    matrix = np.bincount(cells, minlength=10_000).reshape(100, 100)
    matrix[7] = 0  # nor does a row without pictures divide by nothing
    classes.confusion(matrix, [f"class {at}" for at in range(100)], "m")
    (data,) = mounted
    assert sum(map(len, data["rows"])) == (matrix > 0).sum() < 1500
    assert data["rows"][7] == []
    assert data["compact"] is True
    assert len(json.dumps(data)) < 250_000


def test_names_are_one_clean_line_and_the_whole_name_stays_known(mounted):
    long = "a class\nwith *a* <b>very</b> long name indeed"
    classes.confusion(np.eye(3, dtype=int), (long, "dog", "fox"), "m")
    (data,) = mounted
    assert data["full"][0] == "a class with *a* <b>very</b> long name indeed"
    assert data["names"][0] == "a class with *a* <b>ver…"
    assert data["rows"][0][0]["says"] == "a class with *a* <b>ver…, right"


def test_the_table_of_classes_has_one_scale_and_marks_the_chosen_one(mounted):
    half, never = Rate("50.0%", "30.0–70.0%"), Rate("–", "never said")
    rows = [
        ClassRow(1, "dog", 0.81, 0.75, 0.87, 40, half, never),
        ClassRow(0, "cat", 0.97, 0.95, 0.99, 1200, half, half),
    ]
    classes.table(rows, "t", "Newcombe", chosen=1)
    (data,) = mounted
    assert data["head"] == "AUC with 95% interval (Newcombe)"
    assert [row["name"] for row in data["rows"]] == ["dog", "cat"]  # as they were given
    assert [row["id"] for row in data["rows"]] == ["1", "0"]
    assert [row["pressed"] for row in data["rows"]] == [True, False]
    assert data["ends"] == ["0.5", "1"]
    assert data["rows"][0]["track"]["value"] == pytest.approx(0.62)
    assert data["rows"][0]["rates"] == [["50.0%", "30.0–70.0%"], ["–", "never said"]]
    assert data["rows"][1]["n"] == "1,200"
