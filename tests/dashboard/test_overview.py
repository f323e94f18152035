"""Overview: what stands there in each state of a workspace, from empty to several runs."""

import json
import shutil
import subprocess
import sys
import time
from io import BytesIO
from zipfile import ZipFile

import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from dashboard import pictures, state
from engine import files
from engine.commands import first_run, train
from engine.jobs import local
from engine.runs import store
from engine.settings import PROJECT, settings
from engine.training.config import train_config


@pytest.fixture(autouse=True)
def no_warm_up(monkeypatch):
    """This page needs no TensorFlow, so no thread of a test imports it into the next one."""
    monkeypatch.setattr(state, "warm_up", lambda: None)


@pytest.fixture
def copied(workspace, tmp_path, use_workspace):
    """A copy of the workspace with a finished run, to write into."""
    return use_workspace(shutil.copytree(workspace, tmp_path / "copy"))


@pytest.fixture
def without_runs(copied):
    shutil.rmtree(settings().runs)
    return copied


def opened(**query) -> AppTest:
    at = AppTest.from_file("../../dashboard/app.py", default_timeout=60)
    for key, value in query.items():
        at.query_params[key] = value
    at.switch_page("app_pages/overview.py").run()
    assert not at.exception, at.exception
    return at


def evidence_data(at: AppTest) -> list[dict]:
    return [json.loads(element.proto.json) for element in at.get("bidi_component")]


def texts(at: AppTest) -> str:
    parts = [
        *at.title,
        *at.header,
        *at.markdown,
        *at.caption,
        *at.error,
        *at.warning,
    ]
    progress = [element.proto.text for element in at.get("progress")]
    links = [element.proto.label for element in at.get("page_link")]
    return "\n".join([*(str(part.value) for part in parts), *progress, *links])


# --- before there is a result --------------------------------------------------------------------


def test_an_empty_workspace_shows_four_steps_and_offers_to_begin(empty_workspace):
    at = opened()
    assert at.title[0].value == "Welcome to Camsight"
    titles = [step.value for step in at.header][:4]
    assert titles == ["1 · Pictures", "2 · Train", "3 · Judge", "4 · Look inside"]
    assert "**Draw them and train**" in [button.label for button in at.button]
    assert "python -m engine prepare" in at.code[0].value
    assert str(empty_workspace) in at.code[0].value  # the command writes where the page looks


def test_pictures_being_drawn_are_counted(empty_workspace):
    staging = settings().datasets / ".preparing-drawn"
    staging.mkdir(parents=True)
    files.write_json(staging / "progress.json", {"done": 820, "total": 2000, "refused": 0})
    with FileLock(f"{staging}.lock"):
        said = texts(opened())
    assert "820 of 2,000" in said
    assert "waits for pictures" in said


def test_a_first_run_under_way_says_how_far_it_is(without_runs):
    run = train.create_run("drawn", train_config("quick", image_size=32))
    with store.trainer_lock(run):
        run = store.save(run, status="running", started=store.now())
        store.write_progress(
            run,
            {"phase": "training", "epoch": 5, "epochs": 8, "batch": 3, "batches": 6,
             "pictures_per_second": 214.3, "seconds_left": 22.4},
        )  # fmt: skip
        at = opened()
    said = texts(at)
    assert "Epoch 5 of 8, about 22 s left." in said
    assert "batch 3 of 6 · 214 pictures/s" in said
    assert at.get("progress")[0].proto.value == round(100 * (4 * 6 + 3) / 48)
    assert "The first run, live" in said
    assert len(at.get("plotly_chart")) == 2


def test_a_failed_first_run_says_why_and_starts_again(without_runs, monkeypatch):
    run = train.create_run("drawn", train_config("quick", image_size=32, seed=7))
    store.save(run, status="failed", error="The disk is full; free some room.")
    at = opened()
    assert "The disk is full; free some room." in [error.value for error in at.error]
    asked = []
    monkeypatch.setattr(local, "start", lambda *call: asked.append(call) or call[0])
    next(button for button in at.button if "Try again" in button.label).click().run()
    again = store.list_runs()[-1]
    assert asked == [(again.id, ["train", "--queued", again.id])]
    assert again.config == run.config


def test_a_worker_that_died_while_drawing_says_why(empty_workspace):
    folder = settings().jobs / first_run.JOB
    folder.mkdir(parents=True)
    files.write_json(folder / "job.json", {"argv": ["first-run"], "started": time.time()})
    (folder / "out.json").touch()
    (folder / "log.txt").write_text("Some lines.\nThe disk is full; free some room.\n")
    at = opened()
    assert "The disk is full; free some room." in [error.value for error in at.error]
    assert "**Try again**" in [button.label for button in at.button]


# --- with results ---------------------------------------------------------------------------------


def test_the_first_sentence_carries_auc_interval_and_n_of_the_best_run(workspace):
    told = store.open_run("quick-1").figures
    at = opened()
    low, high = told["auc_low"], told["auc_high"]
    assert at.header[0].value == (
        f"The best run on drawn has an AUC of {told['auc']:.3f} (95% {low:.3f}–{high:.3f}) on 24 "
        "pictures it never saw." + (" That may be chance." if low <= 0.5 else "")
    )
    table = next(data for data in evidence_data(at) if data["kind"] == "forest")
    assert [row["id"] for row in table["groups"][0]["rows"]] == ["quick-1"]
    assert table["groups"][0]["rows"][0]["n"] == "24"
    assert "Hanley-McNeil" in table["head"] or "Newcombe" in table["head"]


def test_what_to_do_next_is_computed_with_reasons(workspace):
    told = store.open_run("quick-1").figures
    said = texts(opened())
    assert "Look inside quick-1" in said
    assert "Bring pictures of your own" in said
    wide = told["auc_high"] - told["auc_low"]
    assert (f"its interval is {wide:.2f} wide" in said) == (wide > 0.1)
    wrong = round(24 * (1 - told["accuracy"]))
    assert (f"It takes {wrong} of 24" in said) == (wrong > 0)


def test_runs_on_replaced_pictures_are_not_ranked_with_the_others(copied):
    run = store.open_run("quick-1")
    other = shutil.copytree(run.folder, settings().runs / "quick-2")
    stored = files.read_json(other / "run.json")
    stored |= {"id": "quick-2", "dataset_fingerprint": "0" * 64}
    files.write_json(other / "run.json", stored)
    table = next(data for data in evidence_data(opened()) if data["kind"] == "forest")
    names = {group["name"]: [row["id"] for row in group["rows"]] for group in table["groups"]}
    assert names == {"drawn": ["quick-1"], "drawn, earlier pictures 000000": ["quick-2"]}


def test_runs_without_a_result_stand_there_with_their_reason(copied):
    lost = train.create_run("drawn", train_config("quick", image_size=32))
    store.save(lost, status="running")  # and nobody holds its lock
    failed = train.create_run("drawn", train_config("quick", image_size=32))
    store.save(failed, status="failed", error="The loss became *NaN*; try a lower rate.")
    said = texts(opened())
    assert "killed, or the machine went down" in said
    assert "The loss became \\*NaN\\*; try a lower rate." in said


def test_the_page_imports_no_tensorflow(workspace):
    page = (
        "import sys\n"
        "from dashboard import state\n"
        "state.WARM_UP_AFTER = 600\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"at = AppTest.from_file({str(PROJECT / 'dashboard' / 'app.py')!r}, default_timeout=60)\n"
        "for page in ('overview', 'train'):\n"
        "    at.switch_page('app_pages/' + page + '.py').run()\n"
        "    assert not at.exception, at.exception\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", page], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


# --- pictures of one's own ------------------------------------------------------------------------


def zipped(folder) -> bytes:
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()


def send(content: bytes, name: str, dataset: str | None = None) -> AppTest:
    """Upload on Overview, and wait for the process that takes it in."""
    at = opened()
    at.file_uploader[0].upload(name, content).run()
    if dataset:
        at.text_input[0].set_value(dataset).run()
    next(button for button in at.button if "Check and store" in button.label).click().run()
    assert not at.exception, at.exception
    until = time.time() + 60
    job = next(path.name for path in settings().jobs.glob("prepare-*"))
    assert at.query_params["job"] in (job, [job])  # a reload finds it again
    while local.look(job).alive:
        assert time.time() < until
        time.sleep(0.2)
    return at.run()


def test_an_uploaded_zip_becomes_a_dataset_and_is_then_removed(copied, two_classes, tmp_path):
    content = zipped(two_classes(tmp_path / "pets"))
    at = send(content, "My pets (2).zip")
    assert "24 of 24 files kept, 0 refused" in at.success[0].value
    assert (settings().datasets / "My-pets-2" / "dataset.json").exists()
    assert list((settings().workspace / "uploads").iterdir()) == []
    assert "Train on My-pets-2" in texts(at).replace("\\", "")


def test_a_zip_of_one_class_is_refused_in_a_sentence_with_nothing_left(
    copied, draw_files, tmp_path
):
    draw_files(tmp_path / "one" / "cat", "cat", 12)
    at = send(zipped(tmp_path / "one"), "one.zip")
    assert "holds one class" in at.error[0].value
    assert str(settings().workspace) not in at.error[0].value
    assert not list(settings().datasets.glob("*one*/*"))
    assert list((settings().workspace / "uploads").iterdir()) == []


@pytest.mark.parametrize("name", ["drawn", "../evil", ""])
def test_a_name_that_cannot_be_used_is_refused_before_anything_is_written(copied, name):
    at = opened()
    at.file_uploader[0].upload("pets.zip", b"PK").run()
    at.text_input[0].set_value(name).run()
    next(button for button in at.button if "Check and store" in button.label).click().run()
    assert len(at.error) == 1
    assert not (settings().workspace / "uploads").exists()


def test_an_address_cannot_name_a_job_outside_its_folder(workspace):
    assert not opened(job="prepare-../../etc").error


@pytest.mark.parametrize(
    ("file", "name"),
    [("My pets (2).zip", "My-pets-2"), ("犬と猫.zip", "犬と猫"), ("...zip", "pictures")],
)
def test_a_dataset_is_named_after_the_file(file, name):
    assert pictures.suggest_name(file) == name
    assert pictures.suggest_name(file, {name}) == f"{name}-2"
