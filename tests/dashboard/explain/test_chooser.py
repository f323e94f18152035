"""The chooser of methods by family, and the options; both stand in the address."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.explain import chooser, heat
from dashboard.explain.pictures import of_run
from dashboard.parts import links
from engine.cam.heatmaps import Heatmaps
from engine.cam.methods import METHODS, USUAL
from engine.errors import LayerError
from engine.serving.client import Client

MORE, CONTROL = chooser.MORE[0], chooser.CONTROLS[0]


def titles(at: AppTest) -> list[str]:
    """Of the maps that stand beside the picture."""
    return [m.value[2:].split("**")[0] for m in at.markdown if m.value.startswith("**")
            and " :gray[" in m.value]  # fmt: skip


def address(at: AppTest, key: str) -> list[str]:
    found = at.query_params[key]
    return found if isinstance(found, list) else [found]


def pills(at: AppTest, label: str):
    (found,) = [one for one in at.button_group if one.label == label]
    return found


def box(at: AppTest, name: str):
    (found,) = [one for one in at.checkbox if one.label.startswith(f"{METHODS[name].title} :gray")]
    return found


@pytest.fixture
def explained(monkeypatch) -> list[dict]:
    """What the process of models was asked for; its maps cost nothing here."""
    asked = []

    def explain(self, run, images, method, *, target, progress, waiting, **options):
        asked.append({"method": method} | options)
        values = np.ones((1, 4, 4), np.float32)
        return Heatmaps(values, values, np.ones(1, np.float32), "conv", method, 0.01, ("",))

    monkeypatch.setattr(Client, "explain", explain)
    return asked


def test_every_method_of_the_register_can_be_chosen_in_one_place():
    offered = [*chooser.FIRST, *chooser.MORE, *chooser.CONTROLS]
    assert sorted(offered) == sorted(METHODS)
    assert len(chooser.FIRST) == len(chooser.WELL_KNOWN)


def test_at_first_grad_cam_and_score_cam_are_made_as_published_and_the_address_holds_none_of_it(
    open_untrained, explained, untrained
):
    at = open_untrained()
    assert titles(at) == [METHODS[name].title for name in USUAL]
    assert not {"m", "mm", "mc", "also", "join", "score", "flips"} & set(at.query_params)
    usual = {
        "layer": untrained.layers[-1], "combine": "mean", "flips": False, "eigen": False,
        "precision": "float32",
    }  # fmt: skip
    assert explained == [
        {"method": "grad-cam", "score": "logit"} | usual,
        {"method": "score-cam", "score": "probability"} | usual,
    ]


def test_a_link_chooses_among_all_three_and_they_stand_in_one_row(open_untrained, explained):
    at = open_untrained(m="hires-cam", mm=[MORE], mc=[CONTROL])
    assert titles(at) == [METHODS[name].title for name in ("hires-cam", MORE, CONTROL)]
    assert box(at, MORE).value
    assert pills(at, "Controls").value == [CONTROL]


def test_more_methods_stand_by_family_with_what_each_costs(open_untrained, explained):
    at = open_untrained(m="none")
    for name in chooser.MORE:
        assert str(METHODS[name].cost) in box(at, name).label
    headings = [m.value.strip("*").lower() for m in at.markdown]
    families = list(dict.fromkeys(METHODS[name].family for name in chooser.MORE))
    assert [one for one in headings if one in families] == families


def test_what_is_ticked_among_more_stands_in_the_address_and_stays_across_pages(
    open_untrained, explained
):
    at = open_untrained(m="none")
    box(at, MORE).check().run()
    assert address(at, "mm") == [MORE]
    assert titles(at) == [METHODS[MORE].title]
    at.switch_page(links.EVALUATE).run()
    at.switch_page(links.EXPLAIN).run()
    assert not at.exception, at.exception
    assert box(at, MORE).value
    assert address(at, "mm") == [MORE]
    box(at, MORE).uncheck().run()
    assert "mm" not in at.query_params
    assert "No method is chosen" in "\n".join(one.value for one in at.caption)


def test_a_row_holds_five_maps_and_the_page_says_which_are_left_out(open_untrained, explained):
    at = open_untrained(m=chooser.FIRST[:5], mc=[CONTROL])
    assert titles(at) == [METHODS[name].title for name in chooser.FIRST[:5]]
    (warning,) = [one.value for one in at.warning]
    assert f"A row holds a picture and 5 maps: {METHODS[CONTROL].title} is not shown." in warning
    assert address(at, "mc") == [CONTROL]
    pills(at, "Methods").set_value(chooser.FIRST[:4]).run()
    assert [one.value for one in at.warning] == []
    assert titles(at)[-1] == METHODS[CONTROL].title


def test_options_of_a_link_are_what_the_engine_is_asked_for(open_untrained, explained, untrained):
    last, before = untrained.layers[-1], untrained.layers[-2]
    at = open_untrained(
        m="score-cam", layer=last, also=[before], join="max", score="probability", flips="true",
        eigen="true", floats="auto",
    )  # fmt: skip
    assert explained == [{
        "method": "score-cam", "layer": (last, before), "combine": "max", "score": "probability",
        "flips": True, "eigen": True, "precision": "auto",
    }]  # fmt: skip
    said = (
        "Options: the largest of several layers, the probability as the score, smoothed by flips, "
        "smoothed by eigenvectors and bfloat16 allowed."
    )
    assert said in "\n".join(one.value for one in at.caption)
    at.toggle(key="flips").set_value(False).run()
    assert explained[-1]["flips"] is False
    assert len(explained) == 2
    at.toggle(key="flips").set_value(True).run()
    assert len(explained) == 2  # it was kept


def test_a_method_may_stand_under_any_of_the_three_keys(open_untrained, explained):
    at = open_untrained(m=[MORE], mm=[CONTROL, "hires-cam"])
    assert titles(at) == [METHODS[name].title for name in ("hires-cam", MORE, CONTROL)]
    assert [address(at, key) for key in ("m", "mm", "mc")] == [["hires-cam"], [MORE], [CONTROL]]
    assert [one.value for one in at.warning] == []
    only = open_untrained(m=MORE)
    assert titles(only) == [METHODS[MORE].title]  # and not the usual ones beside it
    assert pills(only, "Methods").value == []


def test_what_a_link_asks_for_and_nothing_knows_is_said_once(open_untrained, explained):
    at = open_untrained(
        m=["grad-cam", "bogus"], also="nope", join="sum", score="loss", floats="int8"
    )
    (warning,) = [one.value for one in at.warning]
    assert warning == (
        "The address asks for what does not exist here: the method bogus, the further layer nope, "
        "the join sum, the score loss and the precision int8."
    )
    assert titles(at) == ["Grad-CAM"]
    at.run()
    assert len(at.warning) == 1  # until something else is chosen
    at.toggle(key="flips").set_value(True).run()
    assert [one.value for one in at.warning] == []


def test_the_costs_of_more_methods_are_drawn_anew_when_they_are_opened(
    open_untrained, explained, untrained
):
    """They stood there in passes alone after the model had been timed, till the next click."""
    at = open_untrained(m="none", mm=MORE)
    assert " here" not in box(at, MORE).label
    at.session_state["more"] = True  # the popover is opened
    at.run()
    assert " s here" in box(at, MORE).label


def test_further_layers_stay_across_pages_and_leave_with_the_layer_itself(
    open_untrained, explained, untrained
):
    last, before = untrained.layers[-1], untrained.layers[-2]
    at = open_untrained(m="none")
    (further,) = [one for one in at.multiselect if one.label == "Further layers"]
    further.set_value([before]).run()
    assert address(at, "also") == [before]
    at.switch_page(links.EVALUATE).run()
    at.switch_page(links.EXPLAIN).run()
    assert address(at, "also") == [before]
    at.selectbox(key="layer").set_value(before).run()
    assert not at.exception, at.exception
    assert "also" not in at.query_params
    assert last in next(one for one in at.multiselect if one.label == "Further layers").options


def test_a_method_that_cannot_be_used_is_said_and_keeps_no_other_from_being_made(
    open_untrained, explained, monkeypatch
):
    made = Client.explain

    def refuse(self, run, images, method, **asked):
        if method == "grad-cam":
            raise LayerError("The layer 'conv' is of no use to it; choose another.")
        return made(self, run, images, method, **asked)

    monkeypatch.setattr(Client, "explain", refuse)
    at = open_untrained(m=["grad-cam", "score-cam"])
    assert titles(at) == ["Score-CAM"]
    assert [one.value.replace("\\", "") for one in at.error] == [
        "The layer 'conv' is of no use to it; choose another."
    ]
    assert at.get("skeleton") == []


def test_two_sessions_need_not_wait_for_one_another(untrained):
    """One person's Score-CAM held the model, and another one's Grad-CAM waited for minutes."""
    (picture,) = of_run(untrained, "test", [0])
    wish = heat.Wish(untrained, untrained.layers[-1], "fox", ("grad-cam", "score-cam"))
    other_is_made, found = threading.Event(), []

    def second() -> None:
        found.append(heat.made(wish, picture, "grad-cam"))
        other_is_made.set()

    def inside_the_work(done: int, total: int) -> None:
        if thread.ident is None:
            thread.start()
        assert other_is_made.wait(60)

    thread = threading.Thread(target=second)
    beside = heat.made(wish, picture, "score-cam", inside_the_work)
    thread.join()
    other = replace(picture, id="kept under another name")
    alone = heat.made(wish, other, "score-cam")
    assert len(found) == 1
    np.testing.assert_allclose(beside.raw, alone.raw, atol=1e-5)
