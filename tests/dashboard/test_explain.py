"""The page Explain: pictures, methods, layers and targets, as the real model explains them."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import gallery, state
from engine.runs import store


@pytest.fixture
def open_page(workspace):
    """A function that opens Explain under the given address, with the real model behind it."""

    def opened(**query) -> AppTest:
        at = AppTest.from_file("../../dashboard/app.py", default_timeout=120)
        for key, value in query.items():
            at.query_params[key] = value
        at.switch_page("app_pages/explain.py").run()
        assert not at.exception, at.exception
        return at

    return opened


def under_pictures(at: AppTest) -> list[str]:
    return [m.value for m in at.markdown if "CAM**" in m.value]


def test_both_methods_stand_beside_each_picture_with_probability_and_raw_range(open_page):
    at = open_page()
    told = state.predictions("quick-1", store.open_run("quick-1").weights_sha256, "test")
    shown = len(gallery.one_of_each(told))
    below = under_pictures(at)
    assert len(below) == 2 * shown
    assert sum("Grad-CAM" in text for text in below) == shown
    assert all("probability of" in text and "raw map" in text and " to " in text for text in below)


def test_the_address_chooses_run_layer_target_and_methods(open_page):
    at = open_page(run="quick-1", layer="block1_out", target="dog", m="grad-cam")
    assert at.selectbox(key="layer").value == "block1_out"
    below = under_pictures(at)
    assert below
    assert all("Grad-CAM" in text and "probability of dog" in text for text in below)


def test_an_address_with_nonsense_falls_back_to_what_exists(open_page):
    at = open_page(run="quick-99", layer="conv99", target="fish", m="x-cam", pics="row-99999")
    assert at.selectbox(key="run").value == "quick-1"
    assert at.selectbox(key="layer").value == store.open_run("quick-1").layers[-1]
    assert at.selectbox(key="pics").value == "one of each outcome"
    assert under_pictures(at)


def test_a_link_to_one_picture_of_the_test_part_shows_that_picture(open_page):
    run = store.open_run("quick-1")
    row = int(state.dataset_of(run).indices("test")[3])
    at = open_page(run="quick-1", pics=f"row-{row}")
    assert at.selectbox(key="pics").value == f"row-{row}"
    assert len(under_pictures(at)) == 2
    name = state.dataset_of(run).file_names[row]
    assert any(name in m.value for m in at.markdown)


def test_a_random_twenty_comes_from_the_test_part_and_is_the_same_again():
    told = {"indices": list(range(100, 300))}
    first = gallery.at_random(told, 20, 1)
    assert len(set(first)) == 20
    assert set(first) <= set(told["indices"])
    assert first == gallery.at_random(told, 20, 1) != gallery.at_random(told, 20, 2)


def test_an_uploaded_picture_is_explained_and_a_broken_file_named(open_page, draw_files, tmp_path):
    at = open_page(pics="my own pictures")
    picture = draw_files(tmp_path, "cat", 1)[0]
    at.file_uploader[0].upload("mine.png", picture.read_bytes())
    at.run()
    at.file_uploader[0].upload("broken.jpg", b"no picture")
    at.run()
    assert [e.value for e in at.error] == [
        "broken.jpg cannot be used: not a picture, or broken; save it as JPEG or PNG and try again."
    ]


def test_without_a_run_the_page_says_why_and_leads_on(empty_workspace):
    at = AppTest.from_file("../../dashboard/app.py", default_timeout=60)
    at.switch_page("app_pages/explain.py").run()
    assert not at.exception
    assert any("no run to look into" in m.value for m in at.markdown)


def test_the_page_itself_imports_no_tensorflow():
    import subprocess
    import sys

    code = (
        "import sys, dashboard.gallery, dashboard.state, dashboard.evidence, dashboard.charts;"
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
