"""Whatever happens to the files of a workspace, every page opens and shows what is healthy."""

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
    "dataset.json", "images.npy", "labels.npy", "split.npy", "pictures.npy", "pictures.csv",
    "refused.csv",
)  # fmt: skip
DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "of a wrong type": lambda data: b'[{"a": 1}, "b"]',
}


@pytest.fixture(autouse=True)
def nothing_is_measured(monkeypatch):
    """Train has it measured how long a training would take: a process for each workspace here."""
    monkeypatch.setattr("engine.commands.estimate.start_estimate", lambda *_: None)


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
    return show(app, page, query) if page else app


def show(app: AppTest, page: str, query: dict[str, str]) -> AppTest:
    """The page as a link shows it that holds the query and nothing else."""
    for key in list(app.query_params):
        del app.query_params[key]
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page(page).run()


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_page_opens_on_a_workspace_in_which_each_file_is_damaged_somewhere(damaged, damage):
    damaged(damage)
    app = opened()
    assert not app.exception
    text = " ".join(one.value for one in [*app.markdown, *app.caption]).replace("\\", "")
    assert "quick-1" in text  # which cannot be read
    assert "unreadable: run.json cannot be read" in text
    for page in (links.TRAIN, links.RUNS, links.EVALUATE, links.EXPLAIN):
        assert not show(app, page, {}).exception, page


@pytest.mark.parametrize("number", range(1, len(RUN_FILES) + 2))
def test_every_page_of_a_run_opens_whichever_of_its_files_is_empty(damaged, number):
    damaged("empty")
    app = opened()
    for page, key in (
        (links.EVALUATE, "run"), (links.EXPLAIN, "run"), (links.TRAIN, "job"),
        (links.TRAIN, "like"), (links.RUNS, "runs"),
    ):  # fmt: skip
        assert not show(app, page, {key: f"quick-{number}"}).exception, page


@pytest.mark.parametrize("file", DATASET_FILES)
def test_a_dataset_that_is_damaged_is_a_sentence_where_its_pictures_were(
    workspace, tmp_path, use_workspace, file
):
    place = tmp_path / "copy"
    shutil.copytree(workspace, place)
    (place / "datasets" / "drawn" / file).write_bytes(b"")
    use_workspace(place)
    app = opened()
    assert not app.exception
    for page in (links.TRAIN, links.RUNS, links.EVALUATE, links.EXPLAIN):
        assert not show(app, page, {}).exception, page


NONSENSE = (
    {"run": "nothing"}, {"run": "../../etc"}, {"t": "many"}, {"t": "nan"}, {"t": "7"},
    {"split": "train"}, {"interval": "wide"}, {"cell": "xx"}, {"err": "x"}, {"pics": "row-x"},
    {"pics": "row-99999"}, {"pics": "0123456789abcdef"}, {"pics": "-1"}, {"draw": "abc"},
    {"m": "lime"}, {"layer": "conv9"}, {"target": "fox"}, {"view": "x"}, {"opacity": "x"},
    {"map": "jet"}, {"by": "x"}, {"dataset": "nothing"}, {"preset": "slow"}, {"job": "../x"},
    {"like": "../x"}, {"runs": ",,x,"}, {"runs": "../.."}, {"state": "x"}, {"on": "x"}, {"q": "["},
)  # fmt: skip


@pytest.mark.parametrize("page", [links.TRAIN, links.RUNS, links.EVALUATE, links.EXPLAIN])
def test_nonsense_in_an_address_breaks_no_page(workspace, use_workspace, page):
    use_workspace(workspace)
    app = opened()
    for query in NONSENSE:
        assert not show(app, page, query).exception, query


def test_another_20_after_nonsense_in_the_address(workspace, use_workspace):
    use_workspace(workspace)
    app = opened(links.EXPLAIN, pics="random 20", draw="abc", m="grad-cam")
    assert not app.exception
    (another,) = [button for button in app.button if "Another" in button.label]
    assert not another.click().run().exception
