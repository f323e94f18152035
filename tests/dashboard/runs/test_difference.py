"""Runs tested against each other on a page: two in a card, more in a table after Holm."""

from functools import partial

import numpy as np
import pytest

from dashboard.parts import difference, links
from engine.evaluation.compare import paired, unpaired
from engine.runs import store
from tests.dashboard import pages
from tests.dashboard.pages import cards, drawn, said

opened = partial(pages.opened, links.RUNS)


def expected(a, b, **options):
    told = [store.predictions(run, "test") for run in (a, b)]
    return paired(told[0]["y_true"], told[0]["y_score"], told[1]["y_score"], **options)


def test_two_on_the_same_pictures_are_tested_with_an_interval(place, judged):
    a, b = judged(seed=1, skill=2.0), judged(seed=2, skill=0.3)
    at = opened(runs="quick-1,quick-2")
    found, card = expected(a, b), cards(at)["Difference in AUC"]
    assert card["value"] == f"{found.difference:+.3f}"
    assert card["remark"] == "quick-1 − quick-2"
    assert card["interval"] == f"95% {found.low:+.3f} to {found.high:+.3f}"
    assert "DeLong, paired" in card["evidence"]
    assert "Yes, quick-1 is better: the interval leaves out zero." in said(at)
    assert [row["id"] for row in drawn(at, "forest")[0]["groups"][0]["rows"]] == [
        "quick-1", "quick-2"
    ]  # fmt: skip
    assert "n = 120 shared test pictures" in card["evidence"].replace("\u00a0", " ")


def test_the_worse_one_is_not_called_better(place, judged):
    judged(seed=2, skill=0.3), judged(seed=1, skill=2.0)
    assert "No, quick-2 is better: the interval leaves out zero." in said(
        opened(runs="quick-1,quick-2")
    )


def test_two_that_are_alike_are_not_told_apart(place, judged):
    judged(seed=1), judged(seed=2)
    assert "That cannot be told: the interval holds zero." in said(opened(runs="quick-1,quick-2"))


@pytest.mark.parametrize("method", ["mover", "bootstrap"])
def test_another_test_can_be_chosen_and_linked_to(place, judged, method):
    a, b = judged(seed=1, skill=2.0), judged(seed=2, skill=0.3)
    at = opened(runs="quick-1,quick-2", test=method)
    found = expected(a, b, method=method)
    assert cards(at)["Difference in AUC"]["interval"] == (
        f"95% {found.low:+.3f} to {found.high:+.3f}"
    )
    assert at.query_params["test"] == method
    pages.box(at, "Test").set_value("delong").run()
    assert "DeLong, paired" in cards(at)["Difference in AUC"]["evidence"]
    assert "test" not in at.query_params


def test_where_the_interval_is_known_to_be_too_narrow_the_safer_one_stands_beside(place, judged):
    a, b = judged(seed=1, skill=3.5), judged(seed=2, skill=1.5)
    safer = expected(a, b, method="mover")
    assert f"variance recovery gives 95% {safer.low:+.3f} to {safer.high:+.3f}" in said(
        opened(runs="quick-1,quick-2")
    )


def test_identical_predictions_claim_no_certainty(place, judged):
    judged(seed=1), judged(seed=1)
    at = opened(runs="quick-1,quick-2")
    assert "DeLong finds no width here, which would claim certainty" in said(at)
    assert "Variance recovery, paired" in cards(at)["Difference in AUC"]["evidence"]


def test_many_classes_are_compared_by_class_and_it_is_said_where(
    tmp_path, use_workspace, add_many
):
    use_workspace(tmp_path)
    first = add_many(tmp_path, ("cat", "dog", "fox"))
    store.save(
        add_many(tmp_path, ("cat", "dog", "fox"), name="again"), split_id=first.split_id
    )  # fmt: skip
    at = opened(runs="quick-1,quick-2")
    assert "two mean AUCs is not tested; compare them by one class" in at.warning[0].value


def test_of_many_the_luckiest_is_not_crowned(place, judged):
    """The highest AUC of five runs of equal skill is not told from the others."""
    runs = [judged(seed=seed, skill=1.0, auc=0.7 + seed / 100) for seed in range(1, 6)]
    runs.append(judged(seed=9, skill=0.0, auc=0.5))
    at = opened(runs=",".join(run.id for run in runs))
    (table,) = [one.value for one in at.dataframe if "p after Holm" in one.value]
    assert len(table) == 15
    raw, holm = (
        table[name].str.removeprefix("< ").astype(float).to_numpy()
        for name in ("p", "p after Holm")
    )
    assert (holm >= raw).all()
    assert (np.diff(holm) >= 0).all()  # the most different first
    better = table[table["After Holm"] != "not told apart"]
    assert set(better["B"]) | set(better["A"]) > {"quick-6"}
    assert (better[["A", "B"]] == "quick-6").any(axis=1).all()  # equals are not told apart
    assert "quick-5 has the highest AUC, but cannot be told from 4 others." in said(at)
    assert f"{len(better)} of 15 pairs differ" in said(at)


def test_of_many_those_that_cannot_be_compared_are_left_out_with_the_reason(place, judged):
    for _ in range(2):
        judged(seed=3)
    judged(dataset_image_size=128, split_id="6" * 64, start=500)
    at = opened(runs="quick-1,quick-2,quick-3")
    (table,) = [one.value for one in at.dataframe if "p after Holm" in one.value]
    assert len(table) == 1
    assert "2 further pairs are not compared." in said(at)
    assert "stored in other ways (64 px, stretch; 128 px, stretch)" in said(at)


def test_a_run_that_cannot_be_compared_takes_the_highest_auc_from_nobody(place, judged):
    judged(seed=1, skill=2.0, auc=0.9), judged(seed=2, skill=0.3, auc=0.6)
    judged(dataset_image_size=128, split_id="6" * 64, start=500, auc=0.999)
    text = said(opened(runs="quick-1,quick-2,quick-3"))
    assert "1 of 1 pair differs. Of those that can be compared, quick-1 has the highest" in text
    assert "is told apart from each that it is compared with." in text


def test_an_address_with_a_test_that_there_is_not_gets_the_default(place, judged):
    judged(seed=1, skill=2.0), judged(seed=2, skill=0.3)
    at = opened(runs="quick-1,quick-2", test="<b>")
    assert pages.box(at, "Test").value == "delong"
    assert "DeLong, paired" in cards(at)["Difference in AUC"]["evidence"]


def test_subjects_and_pictures_of_their_own_are_said_beside_the_difference():
    rng, labels = np.random.default_rng(1), np.repeat([0, 1], 40)
    a, b = (labels + rng.normal(size=80) for _ in range(2))
    found = paired(labels, a, b, groups=np.arange(80) // 4)
    assert "20 subjects, 80 shared test pictures" in difference.card(found, "a-1", "b-2").evidence
    (remark,) = difference.remarks(found, "delong")
    assert "Were each picture taken for one of its own, the interval would be" in remark
    apart = unpaired(labels, a, labels[10:], b[10:])
    assert "DeLong, unpaired · t = " in difference.card(apart, "a-1", "b-2").evidence
    assert difference.OTHER in difference.verdict(apart, "a-1", "b-2")
    assert "Degrees of freedom" in dict(difference.figures(apart, "a-1", "b-2"))


def test_every_figure_has_its_name():
    labels, a = np.repeat([0, 1], 5), np.arange(10.0)
    found = paired(labels, a, a[::-1].copy(), groups=np.arange(10) // 2)
    rows = dict(difference.figures(found, "quick-1", "quick-2"))
    assert rows["quick-1 − quick-2"] == "+1.0000"
    assert rows["Subjects"] == "5"
    assert rows["Test"] == "Variance recovery, paired"
