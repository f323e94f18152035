"""Explain of a run with many classes, and of one with a question."""

from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.explain import gallery, pictures
from dashboard.explain.pictures import Picture
from dashboard.parts import links
from engine.runs import store
from engine.workspace import Workspace

THREE, SIX = ("cat", "dog", "fox"), ("cat", "dog", "fox", "hare", "otter", "wolf")


@pytest.fixture
def open_page(tmp_path, use_workspace):
    """A function that opens Explain under the given address."""
    st.cache_data.clear()

    def opened(**query) -> AppTest:
        use_workspace(tmp_path)
        at = AppTest.from_file("../../../dashboard/app.py", default_timeout=120).run()
        for key, value in ({"m": "none"} | query).items():
            at.query_params[key] = value
        at.switch_page(links.EXPLAIN).run()
        assert not at.exception, at.exception
        return at

    yield opened
    st.cache_data.clear()


def shown(at: AppTest) -> list[str]:
    return [m.value for m in at.markdown if "says" in m.value and "There is" not in m.value]


def warnings(at: AppTest) -> str:
    return "\n".join(one.value for one in at.warning).replace("\\", "")


def test_under_a_picture_stands_the_probability_of_what_is_said_of_it(
    open_page, add_many, tmp_path
):
    run = add_many(tmp_path, THREE)
    predicted = store.predictions(run, "test")
    at = open_page()
    assert len(shown(at)) > 3
    said = [text.split(", says ")[1].split("  \n")[0] for text in shown(at)]
    expected = {
        f"**{THREE[row.argmax()]}** {row.max():.2f}" for row in predicted["y_score"]
    }  # a bold name, and no class's tint
    assert set(said) <= expected


def test_up_to_four_classes_stand_side_by_side_and_more_in_a_box(open_page, add_many, tmp_path):
    add_many(tmp_path, THREE)
    at = open_page(target="fox")
    (heat_for,) = [one for one in at.button_group if one.label == "Heat for"]
    assert heat_for.options == ["what it says", *THREE]
    assert heat_for.value == "fox"
    add_many(tmp_path, SIX, name="forest")
    at = open_page(run="quick-2", target="otter")
    (box,) = [one for one in at.selectbox if one.label == "Heat for"]
    assert box.options == ["what it says", *SIX]
    assert box.value == "otter"
    assert open_page(run="quick-2").selectbox(key="target").value == "what it says"


def test_a_run_with_fewer_classes_can_be_chosen_whatever_was_looked_for(
    open_page, add_many, tmp_path
):
    add_many(tmp_path, THREE)
    add_many(tmp_path, SIX, name="forest")
    at = open_page(run="quick-2", target="wolf")
    (run,) = [one for one in at.selectbox if one.label == "Run"]
    run.set_value("quick-1").run()
    assert not at.exception
    assert "target" not in at.query_params
    assert "has no class wolf but cat, dog and fox; the heat is for what it says." in warnings(at)


@pytest.mark.parametrize(("names", "known"), [(THREE, "cat, dog and fox"), (SIX, "6 classes")])
def test_a_class_and_a_layer_that_are_not_there_are_said(
    open_page, add_many, tmp_path, names, known
):
    add_many(tmp_path, names)
    at = open_page(target="unicorn", layer="block9")
    assert f"has no class unicorn but {known}; the heat is for what it says." in warnings(at)
    assert "quick-1 has no layer block9; conv2 is shown." in warnings(at)
    at.run()
    assert "no class unicorn" in warnings(at)  # until something else is chosen
    at.selectbox(key="layer").set_value("conv1").run()
    assert "no layer block9" not in warnings(at)


def test_heat_is_made_for_the_class_that_the_address_names(
    open_page, add_many, with_weights, tmp_path
):
    run = with_weights(add_many(tmp_path, SIX))
    picture = store.predictions(run, "test")["picture"][0]
    st.cache_resource.clear()
    at = open_page(target="otter", m="grad-cam", pics=picture[:16])
    assert [m.value for m in at.markdown if "Grad-CAM**" in m.value]
    assert "probability of otter" in at.markdown[-1].value
    assert "hot places speak for otter" in "\n".join(one.value for one in at.caption)


def test_a_run_with_a_question_shows_it_in_the_caption(open_page, add_run, tmp_path):
    add_run(
        Workspace(tmp_path), dataset="zoo", class_names=("cat, fox", "dog"), positive=("dog",),
        negative=("cat", "fox"), layers=("conv1",),
    )  # fmt: skip
    at = open_page()
    assert at.caption[0].value == "quick on zoo (dog against cat, fox), 32 px, 2 epochs"
    said = "no class cat but the two sides of dog against cat, fox; the heat is for what it says."
    assert said in warnings(open_page(target="cat"))


# --- which pictures, and what is said of them -----------------------------------------------------


def test_two_classes_have_the_outcomes_that_they_had():
    rng = np.random.default_rng(3)
    y_true, y_score = rng.integers(0, 2, 200), rng.uniform(size=200)
    places, before = np.arange(0, 200, 2), []
    right = (y_score >= 0.5) == (y_true == 1)
    for wanted in (True, False):
        for label in (0, 1):
            members = places[(y_true[places] == label) & (right[places] == wanted)]
            before.append(int(members[np.argmax(np.abs(y_score[members] - 0.5))]))
    assert pictures.one_of_each({"y_true": y_true, "y_score": y_score}, places) == before


def test_many_classes_show_the_surest_answers_of_the_worst_four_and_the_surest_mistakes():
    k = 7
    y_true = np.repeat(np.arange(k), 10)
    said = y_true.copy()
    for label in range(k):
        said[label * 10 : label * 10 + label] = (label + 1) % k  # class 6 is found least often
    sure = np.random.default_rng(1).uniform(0.4, 0.9, len(y_true))
    y_score = np.full((len(y_true), k), 0.01)
    y_score[np.arange(len(y_true)), said] = sure
    chosen = pictures.one_of_each({"y_true": y_true, "y_score": y_score}, np.arange(len(y_true)))
    answers, mistakes = chosen[:4], chosen[4:]
    assert y_true[answers].tolist() == said[answers].tolist() == [3, 4, 5, 6]
    for at in answers:
        assert sure[at] == sure[(y_true == y_true[at]) & (said == y_true)].max()
    assert len(mistakes) == 4
    assert (y_true[mistakes] != said[mistakes]).all()
    assert sure[said != y_true].argmax() in np.flatnonzero(said != y_true).searchsorted(mistakes)


def test_a_picture_says_the_largest_of_many_and_of_two_class_1_from_one_half_on():
    pixels = np.zeros((8, 8, 3), np.uint8)

    def says(*scores: float) -> int:
        return Picture("a.png", pixels, None, np.array(scores), "a").says

    assert says(0.2, 0.5, 0.3) == 1
    assert says(0.5, 0.5) == 1
    assert says(0.6, 0.4) == 0


def test_no_class_of_many_has_a_tint():
    run = SimpleNamespace(class_names=THREE)
    picture = Picture("a.png", np.zeros((8, 8, 3), np.uint8), 0, np.array([0.2, 0.1, 0.7]), "a")
    assert gallery.verdict(run, picture) == "✗ truly **cat**, says **fox** 0.70"
