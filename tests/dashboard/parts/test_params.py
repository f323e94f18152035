"""What stands in the address: declared once, kept from page to page, the default left out."""

import ast
import json
import shutil
from collections import Counter

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts import links, params
from engine.evaluation.intervals import DEFAULT
from engine.settings import PROJECT


def declared() -> list[str]:
    """The key of every `Param("...")` under dashboard/, an f-string's as it is written."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in (PROJECT / "dashboard").rglob("*.py")
    ]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    keys = [call.args[0] for call in calls if getattr(call.func, "id", "") == "Param"]
    return [key.value if isinstance(key, ast.Constant) else ast.unparse(key) for key in keys]


def test_a_key_of_the_address_is_declared_once():
    """Keys are the application's: a second page with the same one would overwrite the first's."""
    counted = Counter(declared())
    assert {"run", "t", "m", "interval"} <= counted.keys()
    assert set(counted.values()) == {1}


def box(at: AppTest, label: str):
    (found,) = [one for one in at.selectbox if one.label == label]
    return found


def param(at: AppTest, key: str) -> str:
    value = at.query_params[key]
    return value[0] if isinstance(value, list) else value


def opened(page: str, **query) -> AppTest:
    at = AppTest.from_file("../../../dashboard/app.py", default_timeout=60).run()
    at.query_params.update(query)
    at.switch_page(page).run()
    assert not at.exception, at.exception
    return at


def moved(at: AppTest, page: str, **query) -> AppTest:
    """As a browser changes the page: nothing of the old address is in the new one."""
    at.query_params.clear()
    at.query_params.update(query)
    at.switch_page(page).run()
    assert not at.exception, at.exception
    return at


def back_to(at: AppTest, monkeypatch, page: str, **query) -> AppTest:
    """As Back or Forward of a browser does; only that they do is Streamlit's own knowledge."""
    with monkeypatch.context() as patch:
        patch.setattr(params, "went_back", lambda: True)
        return moved(at, page, **query)


def wipe(at: AppTest, *keys: str) -> None:
    for key in {*keys} & {*at.query_params}:
        del at.query_params[key]


def test_a_choice_that_the_address_of_an_earlier_run_wiped_out_is_in_it_again(workspace):
    """A click while the page is still drawn: what that run wrote into the address came later."""
    at = opened(links.EXPLAIN, run="quick-1", m="none")
    at.button_group(key="target").set_value("dog").run()
    box(at, "Layer").select("block1_out").run()
    wipe(at, "target", "layer")
    at.run()
    assert (param(at, "target"), param(at, "layer")) == ("dog", "block1_out")
    assert at.button_group(key="target").value == "dog"
    wipe(at, "target")  # as a browser does for a default
    at.button_group(key="target").set_value("what it says").run()
    at.run()
    assert "target" not in at.query_params
    assert at.button_group(key="target").value == "what it says"


def test_values_of_a_link_are_kept_when_one_leaves_the_page_and_returns(workspace):
    at = opened(links.EVALUATE, run="quick-1", t="0.00256", interval="newcombe", split="validation")
    assert at.slider(key="t").value == 0.00256
    moved(at, links.EXPLAIN, m="none")
    moved(at, links.EVALUATE)
    assert at.slider(key="t").value == 0.00256
    assert box(at, "Interval").value == "newcombe"
    assert param(at, "t") == "0.00256"
    assert param(at, "interval") == "newcombe"


def test_a_default_stays_out_of_the_address(workspace):
    at = opened(links.EVALUATE, interval="newcombe")
    box(at, "Interval").set_value(DEFAULT).run()
    assert "interval" not in at.query_params


@pytest.fixture
def two_runs(workspace, tmp_path, use_workspace):
    """The runs quick-1 and quick-2, the newer one."""
    place = use_workspace(tmp_path / "two")
    shutil.copytree(workspace, place)
    newer = place / "runs" / "quick-2"
    shutil.copytree(place / "runs" / "quick-1", newer)
    stored = json.loads((newer / "run.json").read_text())
    stored |= {"id": "quick-2", "created": "2999-01-01T00:00:00+00:00"}
    (newer / "run.json").write_text(json.dumps(stored))


def test_the_address_names_the_run_also_where_it_is_the_newest(two_runs):
    at = opened(links.EVALUATE)
    assert box(at, "Run").value == param(at, "run") == "quick-2"
    moved(at, links.EXPLAIN, m="none")
    assert box(at, "Run").value == param(at, "run") == "quick-2"


def test_the_run_of_a_link_wins_over_the_one_that_was_looked_at(two_runs):
    at = opened(links.EVALUATE, run="quick-1")
    moved(at, links.EXPLAIN, run="quick-2", m="none")
    assert box(at, "Run").value == "quick-2"
    box(at, "Run").set_value("quick-1").run()
    assert param(at, "run") == "quick-1"
    moved(at, links.EVALUATE)
    assert box(at, "Run").value == param(at, "run") == "quick-1"


def test_back_and_forward_show_what_the_address_says(two_runs, monkeypatch):
    at = opened(links.EVALUATE, run="quick-1", t="0.3", interval="newcombe")
    box(at, "Run").set_value("quick-2").run()
    back_to(at, monkeypatch, links.EVALUATE, run="quick-1")
    assert box(at, "Run").value == param(at, "run") == "quick-1"
    assert box(at, "Interval").value == DEFAULT  # it is not in that address
    at.run()
    assert box(at, "Run").value == "quick-1"
    back_to(at, monkeypatch, links.EXPLAIN, run="quick-2", m="none")
    assert box(at, "Run").value == "quick-2"
    back_to(at, monkeypatch, links.EVALUATE, run="quick-2", interval="newcombe")
    assert box(at, "Interval").value == "newcombe"
    back_to(at, monkeypatch, links.EXPLAIN)  # before the page had written its address
    assert box(at, "Run").value == param(at, "run") == "quick-2"


def test_a_click_before_the_browser_has_drawn_a_widget_does_not_undo_what_a_link_chose(workspace):
    """Its state is not in the browser's next message: what the link gave must be its default."""
    at = opened(links.EXPLAIN, m="none", pics="random 20")
    (methods,) = [group for group in at.get("button_group") if group.label == "Methods"]
    assert list(methods.proto.default) == []
    (pictures,) = [one for one in at.selectbox if one.label == "Pictures"]
    assert pictures.proto.default == 1
