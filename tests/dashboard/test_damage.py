"""Whatever happens to the files of a workspace, every page opens and shows what is healthy."""

import json
import shutil

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts import links

APP = "../../dashboard/app.py"
RUN_FILES = (
    "run.json", "config.json", "history.csv", "progress.json", "predictions.npz", "log.txt",
    "best.weights.h5",
)  # fmt: skip
DATASET_FILES = (
    "dataset.json", "images.npy", "labels.npy", "split.npy", "pictures.npy", "files.txt",
    "refused.csv",
)  # fmt: skip
DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "of a wrong type": lambda data: b'[{"a": 1}, "b"]',
}


@pytest.fixture
def damaged(workspace, tmp_path, use_workspace):
    """`damaged("empty")`: a workspace in which run `quick-N` lost its N-th file, and each dataset
    one of its files; the last of both are whole."""

    def make(damage: str):
        place = tmp_path / "damaged"
        for number, file in enumerate((*RUN_FILES, None), 1):
            copy(workspace / "runs" / "quick-1", place / "runs" / f"quick-{number}", file, damage)
        for file in (*DATASET_FILES, None):
            name = f"without-{file}" if file else "drawn"
            copy(workspace / "datasets" / "drawn", place / "datasets" / name, file, damage)
        return use_workspace(place)

    def copy(source, target, file, damage) -> None:
        shutil.copytree(source, target)
        if file:
            path = target / file
            path.write_bytes(DAMAGES[damage](path.read_bytes()))

    return make


def opened(page: str | None = None, **query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run()
    if page:
        for key, value in query.items():
            app.query_params[key] = value
        app.switch_page(page).run()
    return app


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_page_opens_on_a_workspace_in_which_each_file_is_damaged_somewhere(damaged, damage):
    place = damaged(damage)
    for page in (None, links.TRAIN, links.EVALUATE, links.EXPLAIN):
        assert not opened(page).exception, page
    text = " ".join(one.value for one in opened().markdown) + json.dumps(
        [str(one.value) for one in opened().get("caption")]
    )
    assert "quick-1" in text
    assert (place / "runs").is_dir()


@pytest.mark.parametrize("number", range(1, len(RUN_FILES) + 2))
def test_every_page_of_a_run_opens_whichever_of_its_files_is_empty(damaged, number):
    damaged("empty")
    for page, key in ((links.EVALUATE, "run"), (links.EXPLAIN, "run"), (links.TRAIN, "job")):
        assert not opened(page, **{key: f"quick-{number}"}).exception, page


@pytest.mark.parametrize("file", DATASET_FILES)
def test_a_dataset_that_is_damaged_is_a_sentence_where_its_pictures_were(
    workspace, tmp_path, use_workspace, file
):
    place = tmp_path / "copy"
    shutil.copytree(workspace, place)
    (place / "datasets" / "drawn" / file).write_bytes(b"")
    use_workspace(place)
    for page in (None, links.TRAIN, links.EVALUATE, links.EXPLAIN):
        assert not opened(page).exception, page


@pytest.mark.parametrize(
    "query",
    [
        {"run": "nothing"}, {"run": "../../etc"}, {"t": "many"}, {"t": "nan"}, {"t": "7"},
        {"split": "train"}, {"interval": "wide"}, {"cell": "xx"}, {"err": "x"}, {"pics": "row-x"},
        {"pics": "row-99999"}, {"pics": "0123456789abcdef"}, {"pics": "-1"}, {"draw": "abc"},
        {"m": "lime"}, {"layer": "conv9"}, {"target": "fox"}, {"view": "x"}, {"opacity": "x"},
        {"map": "jet"}, {"by": "x"}, {"dataset": "nothing"}, {"preset": "slow"}, {"job": "../x"},
    ],
    ids=lambda query: "=".join(*query.items()),
)  # fmt: skip
def test_nonsense_in_an_address_breaks_no_page(workspace, use_workspace, query):
    use_workspace(workspace)
    for page in (links.TRAIN, links.EVALUATE, links.EXPLAIN):
        assert not opened(page, **query).exception, page


def test_another_20_after_nonsense_in_the_address(workspace, use_workspace):
    use_workspace(workspace)
    app = opened(links.EXPLAIN, pics="random 20", draw="abc", m="grad-cam")
    assert not app.exception
    (another,) = [button for button in app.button if "Another" in button.label]
    assert not another.click().run().exception

