"""How many pictures are needed, on the page: by formula, beside what is simulated."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.evaluate import fold_charts, plan
from engine.evaluation import power


@pytest.fixture
def at(empty_workspace) -> AppTest:
    def script() -> None:
        from dashboard.evaluate import plan

        plan.show(None)

    at = AppTest.from_function(script, default_timeout=60).run()
    assert not at.exception, at.exception
    return at


def texts(at: AppTest) -> str:
    return "\n".join(str(one.value) for one in [*at.markdown, *at.caption, *at.warning])


def test_what_is_needed_follows_what_is_assumed(at):
    p, n = power.needed(lambda p, n: power.newcombe_width(0.9, p, n) <= 0.1)
    assert f"An interval of 0.1 at an AUC of 0.9 needs {p + n:,} pictures" in texts(at)
    assert len(at.get("plotly_chart")) == 2
    at.number_input(key=plan.WIDTH.key).set_value(0.05).run()
    p, n = power.needed(lambda p, n: power.newcombe_width(0.9, p, n) <= 0.05)
    assert f"needs {p + n:,} pictures" in texts(at)


def test_two_models_of_one_auc_are_told_apart_by_nothing(at):
    at.number_input(key=plan.OTHER.key).set_value(0.9).run()
    assert not at.exception
    assert "Two models with the same AUC cannot be told apart" in texts(at)
    assert len(at.get("plotly_chart")) == 1


def test_what_ten_million_pictures_do_not_give_is_a_sentence(at):
    at.number_input(key=plan.OTHER.key).set_value(0.9000001).run()
    assert "10,000,000 pictures are not enough" in texts(at)


def test_simulated_values_are_dots_beside_the_line(at, monkeypatch):
    monkeypatch.setattr(plan, "SIMULATED", [40, 200])
    at.toggle(key=plan.SIMULATE.key).set_value(True).run()
    assert not at.exception
    found = plan.plan(plan.Wanted(0.9, 0.93), (40, 200), simulate=True)
    figure = fold_charts.against_n(
        plan.SIZES, [0.5] * len(plan.SIZES), "power", 0.8, 500,
        ([40, 200], [one.simulated_power for one in found.sizes]), percent=True,
    )  # fmt: skip
    line, dots = figure.data
    assert list(dots.x) == [40, 200]
    assert line.mode == "lines"
    assert 0 <= dots.y[0] < dots.y[1] <= 1


def test_another_run_s_auc_is_assumed_anew(empty_workspace):
    def script() -> None:
        from types import SimpleNamespace

        import streamlit as st

        from dashboard.evaluate import plan

        run = st.radio("Run", ["one", "two"], key="run")
        auc = {"one": 0.9, "two": 0.6}[run]
        plan.show(SimpleNamespace(id=run, figures={"auc": auc}))

    at = AppTest.from_function(script, default_timeout=60).run()
    assert at.number_input(key=plan.ASSUMED.key).value == 0.9
    at.number_input(key=plan.ASSUMED.key).set_value(0.8).run()
    assert at.number_input(key=plan.ASSUMED.key).value == 0.8
    at.radio[0].set_value("two").run()
    assert not at.exception, at.exception
    assert at.number_input(key=plan.ASSUMED.key).value == 0.6
