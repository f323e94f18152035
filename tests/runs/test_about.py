"""What people write about a run: kept in a file of its own, and never in the way."""

import json
import threading

import pytest

from engine.errors import RunError
from engine.runs import about, store
from engine.runs.about import About, read_about, write_about
from engine.training.config import train_config
from engine.workspace import Workspace


@pytest.fixture
def run(tmp_path):
    return store.create(
        Workspace(tmp_path), "quick", dataset="pets", dataset_fingerprint="f", split_id="",
        dataset_image_size=64, class_names=("cat", "dog"), image_size=32,
        config=train_config("quick", image_size=32).model_dump(),
    )  # fmt: skip


def again(run):
    return store.read_folder(run.folder)


def test_a_run_has_no_name_until_it_is_given_one_and_keeps_what_is_not_changed(run):
    assert again(run).about == About()
    write_about(run.folder, name="no augmentation", tags=("baseline", "paper"))
    write_about(run.folder, note="Stopped learning at 8.\nWhy?")
    assert again(run).about == About(
        "no augmentation", "Stopped learning at 8.\nWhy?", ("baseline", "paper")
    )
    write_about(run.folder, name="", tags=())
    assert again(run).about == About(note="Stopped learning at 8.\nWhy?")


def test_the_trainers_record_does_not_hold_it(run):
    write_about(run.folder, name="mine")
    store.save(again(run), status="running")
    assert "about" not in json.loads((run.folder / "run.json").read_text())
    assert again(run).about.name == "mine"


def test_what_is_written_is_tidied(run):
    said = write_about(
        run.folder, "  two\nlines\t\x00", " first \n\n second\ud800 ", [" a  b ", "A B", "", "c"]
    )
    assert (said.name, said.tags) == ("two lines", ("a b", "c"))
    assert said.note == "first\n\nsecond?"
    assert read_about(run.folder).note == said.note


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "x" * 81}, "The name has 81 characters, and 80 is the most"),
        ({"note": "x" * 2001}, "The note has 2,001 characters"),
        ({"tags": ["x" * 31]}, "The tag 'xxxxxxxxxxxxxxxxxxxx…' has 31 characters"),
        ({"tags": [str(n) for n in range(13)]}, "The list of tags has 13 tags, and 12"),
    ],
)
def test_what_is_too_long_is_refused_and_nothing_is_lost(run, given, sentence):
    write_about(run.folder, name="mine")
    with pytest.raises(RunError, match=sentence):
        write_about(run.folder, **given)
    assert read_about(run.folder) == About("mine")


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"name": 3}', '{"name": "' + "x" * 99 + '"}'])
def test_a_damaged_file_is_an_absence_with_a_word_and_is_written_anew(run, damaged):
    (run.folder / about.FILE).write_text(damaged)
    found = again(run)
    assert (found.id, found.about.name) == (run.id, "")
    assert "about.json cannot be read" in found.about.unread
    write_about(run.folder, name="anew")
    assert again(run).about == About("anew")


def test_what_a_newer_version_wrote_is_not_written_over(run):
    path = run.folder / about.FILE
    path.write_text('{"schema": 7, "name": "mine"}')
    assert "newer version" in again(run).about.unread
    with pytest.raises(RunError, match="update Camsight"):
        write_about(run.folder, name="other")
    assert json.loads(path.read_text())["schema"] == 7


def test_keys_of_another_version_are_kept(run):
    (run.folder / about.FILE).write_text('{"schema": 1, "name": "mine", "colour": "red"}')
    write_about(run.folder, note="n")
    told = json.loads((run.folder / about.FILE).read_text())
    assert (told["colour"], told["name"], told["note"]) == ("red", "mine", "n")


def test_a_run_that_is_gone_gets_no_folder_back(run):
    run.folder.rename(run.folder.with_name("elsewhere"))
    with pytest.raises(RunError, match="no longer there"):
        write_about(run.folder, name="mine")
    assert not run.folder.exists()


def test_two_people_at_once_lose_nothing_of_each_other(run):
    def write(key: str) -> None:
        for n in range(15):
            write_about(run.folder, **{key: f"{key} {n}"})

    threads = [threading.Thread(target=write, args=(key,)) for key in ("name", "note")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_about(run.folder) == About("name 14", "note 14")
