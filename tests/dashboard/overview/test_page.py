"""Overview: what stands there in each state of a workspace, from empty to several runs."""

import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from engine import files, jobs, lease
from engine.commands import first_run, prepare, snapshot, train
from engine.jobs import queue
from engine.runs import outcome, store
from engine.settings import PROJECT
from engine.training.config import train_config
from engine.workspace import Workspace
from tests.dashboard.pages import drawn, opened


@pytest.fixture
def without_runs(copied) -> Workspace:
    shutil.rmtree(copied.runs)
    return copied


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


def test_pictures_being_drawn_are_counted(empty):
    staging = empty.datasets / ".preparing-drawn"
    staging.mkdir(parents=True)
    files.write_json(staging / "progress.json", {"done": 820, "total": 2000, "refused": 0})
    with lease.hold(staging.with_name(".preparing-drawn.lease.json")):
        said = texts(opened())
    assert "820 of 2,000" in said
    assert "waits for pictures" in said


def test_a_first_run_under_way_says_how_far_it_is(without_runs):
    run = train.create_run(without_runs, "drawn", train_config("quick", image_size=32))
    with store.taken_up(run):
        run = store.save(run, status="running", started=store.now())
        outcome.write_progress(
            run.folder,
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
    run = train.create_run(without_runs, "drawn", train_config("quick", image_size=32, seed=7))
    store.save(run, status="failed", error="The disk is full; free some room.")
    at = opened()
    assert "The disk is full; free some room." in [error.value for error in at.error]
    asked = []
    monkeypatch.setattr(jobs, "submit", lambda place, argv, **how: asked.append(argv) or "job")
    next(button for button in at.button if "Try again" in button.label).click().run()
    again = store.list_runs(without_runs)[-1]
    assert asked == [["work"]]
    assert queue.in_line(without_runs) == [again.id]
    assert again.config == run.config


def test_of_a_long_line_the_first_are_shown_and_the_others_counted(copied):
    for _ in range(7):
        train.create_run(copied, "drawn", train_config("quick", image_size=32))
    at = opened()
    assert len([link for link in at.get("page_link") if "on drawn" in link.proto.label]) >= 5
    assert "And 2 more in line; Train shows all of them." in [one.value for one in at.caption]


def test_a_run_that_is_judged_while_the_first_page_is_drawn_turns_it(workspace, monkeypatch):
    looks, look = [], snapshot.look

    def first_without_runs(place: Workspace):
        looks.append(look(place))
        return looks[-1] if len(looks) > 1 else replace(looks[-1], runs=())

    monkeypatch.setattr(snapshot, "look", first_without_runs)
    assert opened().title[0].value == "Overview"


def test_a_worker_that_died_while_drawing_says_why(empty):
    folder = empty.jobs / f"{first_run.JOB}.5f1c"
    folder.mkdir(parents=True)
    files.write_json(
        folder / "job.json",
        {"argv": ["first-run"], "label": first_run.JOB, "started": time.time()},
    )
    (folder / "out.json").touch()
    (folder / "log.txt").write_text("Some lines.\nThe disk is full; free some room.\n")
    at = opened()
    assert "The disk is full; free some room." in [error.value for error in at.error]
    assert "**Try again**" in [button.label for button in at.button]


# --- with results ---------------------------------------------------------------------------------


def headline(at: AppTest) -> str:
    return at.header[0].value


def forest(at: AppTest) -> dict[str, list[str]]:
    """The runs of the table by the names of their groups."""
    table = drawn(at, "forest")[0]
    return {group["name"]: [row["id"] for row in group["rows"]] for group in table["groups"]}


def notes(at: AppTest) -> dict[str, str]:
    table = drawn(at, "forest")[0]
    return {group["name"]: group["note"] for group in table["groups"]}


def test_the_first_sentence_carries_auc_interval_and_n_of_the_run(workspace):
    told = store.open_run(Workspace(workspace), "quick-1").figures
    at = opened()
    low, high = told["auc_low"], told["auc_high"]
    assert headline(at) == (
        f"quick-1 on drawn has an AUC of {told['auc']:.3f} (95% {low:.3f}–{high:.3f}) on 24 "
        "pictures it never saw." + (" That may be chance." if low <= 0.5 else "")
    )
    table = drawn(at, "forest")[0]
    assert forest(at) == {"drawn": ["quick-1"]}
    assert table["groups"][0]["rows"][0]["n"] == "24"
    assert "DeLong-logit" in table["head"] or "Newcombe" in table["head"]


def test_the_headline_is_not_the_luckiest_of_many_but_the_one_chosen_on_validation(empty, add_run):
    for auc, validation_auc in ((0.81, 0.7), (0.84, 0.9), (0.93, 0.6)):
        add_run(empty, auc=auc, validation_auc=validation_auc)
    at = opened()
    assert headline(at) == (
        "quick-2 on pets, chosen among 3 runs by its AUC on validation, has an AUC of 0.840 "
        "(95% 0.790–0.890) on 80 pictures it never saw."
    )
    assert forest(at)["pets, earlier pictures 555555"][0] == "quick-3"  # by AUC on test
    assert "quick-3 has a higher AUC on test, 0.930, but not on validation." in texts(at)
    assert "What quick-2 says" in [header.value for header in at.header]


def test_the_headline_says_which_dataset_where_another_holds_a_higher_figure(empty, add_run):
    add_run(empty, auc=0.97, dataset="easy", split_id="e" * 64)
    add_run(empty, auc=0.6, dataset="hard", split_id="a" * 64)
    at = opened()
    assert headline(at).startswith("quick-2 on hard has an AUC of 0.600")
    assert "The newest result is on hard; results on other pictures cannot be comp" in texts(at)


def test_runs_that_share_test_pictures_are_compared_and_no_others(copied, add_run):
    split = store.open_run(copied, "quick-1").split_id
    add_run(copied, dataset="drawn", split_id=split, dataset_fingerprint="a" * 64)  # more to learn
    add_run(copied, dataset="drawn", split_id="0" * 64)  # the same pictures, split anew
    add_run(copied, dataset="drawn", split_id="")
    add_run(copied, dataset="drawn", split_id="")
    at = opened()
    assert {name: set(ids) for name, ids in forest(at).items()} == {
        "drawn": {"quick-1", "quick-2"},
        "drawn, earlier pictures 000000": {"quick-3"},
        "drawn, test pictures of quick-4 alone": {"quick-4"},
        "drawn, test pictures of quick-5 alone": {"quick-5"},
    }
    compared = [name for name, note in notes(at).items() if "these may be compared" in note]
    assert compared == ["drawn"]
    assert headline(at).startswith("quick-5 on drawn has an AUC")


def test_a_run_that_ended_early_says_how_many_of_its_epochs_it_trained(copied):
    run = store.open_run(copied, "quick-1")
    store.save(run, status="stopped", config=run.config | {"epochs": 40})
    table = drawn(opened(), "forest")[0]
    assert table["groups"][0]["rows"][0]["remark"] == "32 px · 2 of 40 epochs, stopped"


def test_what_to_do_next_is_computed_with_reasons(workspace):
    told = store.open_run(Workspace(workspace), "quick-1").figures
    at = opened()
    said = texts(at)
    assert "Look inside quick-1" in said
    assert "Bring pictures of your own" in said
    wide = told["auc_high"] - told["auc_low"]
    assert (f"its interval is {wide:.2f} wide" in said) == (wide > 0.1)
    wrong = round(24 * (1 - told["accuracy"]))
    assert (f"It takes {wrong} of 24" in said) == (wrong > 0)


def test_everything_to_do_next_leads_to_where_it_is_done(copied, two_classes, tmp_path, add_run):
    prepare.prepare(copied, str(two_classes(tmp_path / "pets")), "small", image_size=48)
    small = prepare.datasets.open_dataset(copied, "small")
    add_run(copied, dataset="small", dataset_fingerprint=small.fingerprint, auc=0.6)
    run = store.list_runs(copied)[-1]
    store.save(run, figures=run.figures | {"auc_low": 0.3, "auc_high": 0.9})
    (give,) = [link for link in opened().get("page_link") if "Give small more" in link.proto.label]
    assert give.proto.query_string == "add=small"
    at = opened(add="small")
    (name,) = [field for field in at.text_input if field.label == "Name of the dataset"]
    assert name.value == "small-2"  # small is taken, and advice that is refused is none
    (size,) = [field for field in at.number_input if field.label == "Pixels of a side"]
    assert size.value == 48


@pytest.mark.parametrize(("auc", "times"), [(0.8, "Four times"), (1.0, "Twice")])
def test_how_many_pictures_halve_an_interval_depends_on_whether_all_pairs_are_right(
    copied, add_run, auc, times
):
    """Newcombe's at an AUC of 1 narrows by the number of pictures, others by its root."""
    add_run(copied, auc=auc)
    run = store.list_runs(copied)[-1]
    store.save(run, figures=run.figures | {"auc_low": 0.7, "auc_high": 1.0})
    assert f"0.30 wide. {times} as many pictures halve it" in texts(opened())


def test_more_drawn_pictures_are_a_command_with_a_name_that_is_free(copied):
    assert "Give drawn more pictures" in texts(opened())
    at = opened(add="drawn")
    assert "prepare drawn --name drawn-2 --count 960" in at.code[-1].value


def test_the_upload_stands_before_the_datasets_while_only_drawn_pictures_are_there(
    copied, two_classes, tmp_path
):
    headers = [header.value for header in opened().header]
    assert headers.index("Bring pictures of your own") < headers.index("Datasets")
    prepare.prepare(copied, str(two_classes(tmp_path / "pets")), "small", image_size=48)
    at = opened()
    assert "Bring pictures of your own" not in [header.value for header in at.header]
    assert "Add pictures" in [link.proto.label for link in at.get("page_link")]
    assert len(opened(add="own").file_uploader) == len(at.file_uploader) + 1 == 1


# --- what cannot be read --------------------------------------------------------------------------


def damaged(path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def test_a_run_and_a_dataset_that_cannot_be_read_stand_beside_the_healthy_ones(copied, add_run):
    damaged(add_run(copied).folder / "run.json")
    shutil.copytree(copied.datasets / "drawn", copied.datasets / "broken")
    damaged(copied.datasets / "broken" / "dataset.json")
    at = opened()
    said = texts(at).replace("\\", "")
    assert forest(at) == {"drawn": ["quick-1"]}
    assert "unreadable: run.json cannot be read" in said
    assert "unreadable: dataset.json cannot be read" in said
    assert "prepare it again" in said


def test_a_workspace_of_nothing_that_can_be_read_says_so(without_runs, add_run):
    damaged(add_run(without_runs).folder / "run.json")
    damaged(without_runs.datasets / "drawn" / "dataset.json")
    at = opened()
    said = texts(at).replace("\\", "")
    assert at.title[0].value == "Welcome to Camsight"
    assert "unreadable: run.json" in said
    assert "unreadable: dataset.json" in said
    assert "**Draw them and train**" not in [button.label for button in at.button]


def test_a_folder_of_a_run_that_was_renamed_by_hand_is_told(copied, add_run):
    run = add_run(copied)
    run.folder.rename(run.folder.with_name("my best run"))
    assert "its folder was renamed" in texts(opened())


@pytest.mark.parametrize("content", [b"", b"PK", None])
def test_damaged_predictions_are_a_sentence_and_the_rest_of_the_page_stands(copied, content):
    path = copied.runs / "quick-1" / "predictions.npz"
    path.write_bytes(content) if content is not None else path.unlink()
    at = opened()
    assert "The predictions of 'quick-1' cannot be read" in at.error[0].value
    assert forest(at) == {"drawn": ["quick-1"]}
    assert "Look inside quick-1" in texts(at)


def test_damaged_pictures_are_a_sentence_and_the_rest_of_the_page_stands(copied):
    damaged(copied.datasets / "drawn" / "images.npy")
    at = opened()
    assert "images.npy of the dataset 'drawn' is missing or damaged" in at.error[0].value
    assert "Look inside quick-1" in texts(at)


def test_pictures_that_were_replaced_are_told_and_the_numbers_stand(copied):
    shutil.rmtree(copied.datasets / "drawn")
    prepare.prepare(copied, "drawn", "drawn", count=40, image_size=48, seed=9)
    at = opened()
    assert "The pictures that quick-1 was judged on are not here" in texts(at)
    assert headline(at).startswith("quick-1 on drawn has an AUC")
    (name,) = forest(at)
    assert name.startswith("drawn, earlier pictures ")
    assert notes(at)[name] == "24 test pictures; no longer stored"


def test_a_failed_first_run_whose_configuration_cannot_be_used_says_so(without_runs):
    run = train.create_run(without_runs, "drawn", train_config("quick", image_size=32))
    store.save(run, status="failed", error="No.", config=run.config | {"batch_size": "many"})
    at = opened()
    assert "stored configuration has batch\\_size" in texts(at)
    assert not [button for button in at.button if "Try again" in button.label]


def test_runs_without_a_result_stand_there_with_their_reason(copied):
    lost = train.create_run(copied, "drawn", train_config("quick", image_size=32))
    store.save(lost, status="running")  # and nobody holds its lease
    failed = train.create_run(copied, "drawn", train_config("quick", image_size=32))
    store.save(failed, status="failed", error="The loss became *NaN*; try a lower rate.")
    said = texts(opened())
    assert "killed, or the machine went down" in said
    assert "The loss became \\*NaN\\*; try a lower rate." in said


def test_a_lost_run_is_resumed_from_here_and_one_that_diverged_is_not(copied, monkeypatch):
    lost = train.create_run(copied, "drawn", train_config("quick", image_size=32))
    store.save(lost, status="running")
    failed = train.create_run(copied, "drawn", train_config("quick", image_size=32))
    store.save(failed, status="failed", diverged=True, error="The loss became NaN.")
    asked = []
    monkeypatch.setattr(jobs, "submit", lambda place, argv, **how: asked.append(argv) or "job.0")
    at = opened()
    assert [one.key for one in at.button if "Resume" in one.label] == [f"resume-{lost.id}"]
    at.button(key=f"resume-{lost.id}").click().run()
    assert queue.in_line(copied) == [lost.id]
    assert ["work"] in asked


def test_the_page_imports_no_tensorflow(workspace):
    page = (
        "import sys\n"
        "from dashboard import state\n"
        "from dashboard.parts import links\n"
        "state.WARM_UP_AFTER = 600\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"at = AppTest.from_file({str(PROJECT / 'dashboard' / 'app.py')!r}, default_timeout=60)\n"
        "at.run()\n"
        "for page in (links.OVERVIEW, links.TRAIN):\n"
        "    at.switch_page(page).run()\n"
        "    assert not at.exception, at.exception\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", page], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr[-2000:]
