"""From Overview to a heatmap, a reload that restores what was chosen, and a stop."""

import json
import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from engine.runs import store
from engine.workspace import Workspace

pytestmark = pytest.mark.browser
HEATMAP = re.compile("(Grad|Score)-CAM of ")


def holding(*asked: str) -> re.Pattern:
    """Explain's address with all of it at once: one after the other, the first may have gone again,
    and the page that was left may have it for a moment."""
    return re.compile("/explain[?]" + "".join(f"(?=(.*&)?{one}(&|$))" for one in asked))


def test_from_overview_to_a_heatmap(open_at):
    page = open_at("")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("link", name="Explain", exact=True).first.click()
    expect(page.get_by_role("heading", name="Explain")).to_be_visible()
    pictures = page.get_by_role("img", name=HEATMAP)
    expect(pictures.first).to_be_visible()
    expect(page.get_by_text(re.compile("probability of (cat|dog)")).first).to_be_visible()
    assert pictures.first.evaluate("i => i.complete && i.naturalWidth > 100")


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has loaded is told by Linux")
def test_the_server_that_showed_a_heatmap_has_no_tensorflow(open_at, shared_server):
    """Reruns waited for the interpreter while a map was made in the same process."""
    page = open_at("explain?run=quick-1")
    expect(page.get_by_role("img", name=HEATMAP).first).to_be_visible()
    loaded = Path(f"/proc/{shared_server.process.pid}/maps").read_text()
    assert "python" in loaded
    assert "tensorflow" not in loaded
    assert "openvino" not in loaded


def test_a_reload_restores_run_layer_methods_and_target(open_at):
    page = open_at("explain?run=quick-1")
    expect(page.get_by_role("img", name=HEATMAP).first).to_be_visible()
    page.get_by_role("button", name="Score-CAM", exact=True).click()  # now Grad-CAM alone
    page.get_by_role("radio", name="dog").click()
    page.get_by_role("combobox", name=re.compile("Layer")).click()
    page.get_by_role("option", name="block1_out").click()
    expect(page).to_have_url(holding("layer=block1_out", "target=dog", "m=grad-cam"))
    page.reload()
    expect(page.get_by_role("img", name=re.compile("Grad-CAM of .* for dog")).first).to_be_visible()
    expect(page.get_by_role("combobox", name=re.compile("Layer"))).to_have_value("block1_out")
    expect(page.get_by_role("img", name=re.compile("Score-CAM of"))).to_have_count(0)


def test_what_came_by_a_link_stays_across_pages_and_reloads(open_at):
    page = open_at("explain?run=quick-1&m=score-cam&target=dog&view=heatmap")
    expect(page.get_by_role("img", name=HEATMAP).first).to_be_visible()
    page.get_by_role("link", name="Evaluate", exact=True).first.click()
    expect(page.get_by_role("heading", name="Evaluate")).to_be_visible()
    page.get_by_role("link", name="Explain", exact=True).first.click()
    expect(page).to_have_url(holding("m=score-cam", "target=dog", "view=heatmap"))
    page.reload()
    pictures = page.get_by_role("img", name=HEATMAP)
    expect(pictures.first).to_have_attribute("alt", re.compile("Score-CAM of .* for dog"))
    expect(page.get_by_role("img", name=re.compile("Grad-CAM of"))).to_have_count(0)


@pytest.mark.parametrize(("width", "columns"), [(1440, 3), (1024, 3), (390, 2)])
def test_a_picture_has_a_row_of_its_own_with_its_maps_beside_it(open_at, width, columns):
    page = open_at("explain?run=quick-1", width=width)
    maps = page.get_by_role("img", name=HEATMAP)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(maps.first).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    names = set()
    for _ in range(100):  # a rerun may just draw them anew
        images = page.get_by_role("img").evaluate_all(
            "all => all.map(i => { const b = i.getBoundingClientRect(); "
            "return [i.alt, {x: b.x, y: b.y}] })"
        )
        places = {alt: box for alt, box in images if alt}
        names = {alt.split(" of ")[1].split(" for ")[0] for alt in places if HEATMAP.match(alt)}
        if len(names) >= 2:
            break
        page.wait_for_timeout(200)
    assert len(names) >= 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in names:
        own = [places[name]] + [box for alt, box in places.items() if f"-CAM of {name} " in alt]
        first = own[:columns]
        assert len({round(box["y"]) for box in first}) == 1
        assert [box["x"] for box in first] == sorted(box["x"] for box in first)
        assert all(box["x"] == own[0]["x"] and box["y"] > own[0]["y"] for box in own[columns:])


def test_the_threshold_in_the_address_is_restored(open_at):
    page = open_at("evaluate?run=quick-1&t=0.3")
    slider = page.get_by_role("slider", name=re.compile("Threshold"))
    expect(slider).to_have_value("0.3")
    slider.press("ArrowRight")
    expect(page).to_have_url(re.compile("t=0.31"))
    page.reload()
    expect(page.get_by_role("slider", name=re.compile("Threshold"))).to_have_value("0.31")


@pytest.fixture(scope="module")
def slow_run(address, browser_workspace, cli) -> str:
    """A run of the deep network: its Score-CAM of 20 pictures takes long enough to be stopped."""
    line = "train --dataset drawn --preset classic --epochs 1 --image-size 64 --json"
    done = cli(*line.split(), workspace=browser_workspace)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["run"]


def test_a_stop_keeps_the_maps_that_are_there_and_goes_on_when_asked(open_at, address, slow_run):
    page, held = open_at(""), []
    # A browser slow to draw the methods:
    page.route(re.compile("/ButtonGroup"), lambda route: held.append(route))
    page.goto(f"{address}/explain?run={slow_run}&pics=random+20&m=score-cam")
    page.get_by_role("button", name="Stop here").click()
    go_on = page.get_by_role("button", name="Go on")
    expect(go_on).to_be_visible()
    expect(page.get_by_text(re.compile("maps are missing"))).to_be_visible()
    assert held, "Streamlit loads the code of its pills under another name now"
    held.pop().continue_()
    expect(page.get_by_role("button", name="Score-CAM", exact=True)).to_be_visible()
    go_on.click()
    maps = page.get_by_role("img", name=re.compile("Score-CAM of"))
    expect(maps).to_have_count(20, timeout=240_000)  # ms: of twenty
    expect(page).to_have_url(re.compile("m=score-cam"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_take_the_colours_of_the_theme(open_at, scheme):
    page = open_at("evaluate?run=quick-1", scheme=scheme)
    accent = {"light": "rgb(11, 107, 96)", "dark": "rgb(69, 189, 174)"}[scheme]
    curve = page.locator(".js-plotly-plot path.js-line").nth(2)  # after the diagonal and the band
    expect(curve).to_have_css("stroke", accent)


def test_a_slow_map_that_waits_says_behind_how_many_and_a_quick_one_comes_meanwhile(
    open_at, slow_run, browser_workspace, until
):
    """Each page's map takes thousands of passes, and four of one model are made side by side."""
    run = store.open_run(Workspace(browser_workspace), slow_run)
    pictures = store.predictions(run, "test")["picture"][:5]
    pages = [open_at(f"explain?run={slow_run}&pics={one[:16]}&m=ss-cam") for one in pictures]
    waits = re.compile("SS-CAM waits behind [1-4] others?")
    until(lambda: any(page.get_by_text(waits).count() for page in pages))
    quick = open_at(f"explain?run={slow_run}&m=grad-cam")
    expect(quick.get_by_role("img", name=re.compile("Grad-CAM of")).first).to_be_visible()
    assert all(page.get_by_role("button", name="Stop here").is_visible() for page in pages)
