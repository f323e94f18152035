"""Pictures of one's own: what a zip holds before it is sent, how it is sent, what becomes of it."""

import shutil
from collections.abc import Sequence
from io import BytesIO
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.overview import names
from engine import jobs
from engine.commands import prepare
from engine.workspace import Workspace
from tests.dashboard.pages import opened


def texts(at: AppTest) -> str:
    parts = [*at.caption, *at.error, *at.warning, *at.info]
    links = [element.proto.label for element in at.get("page_link")]
    return "\n".join([*(str(part.value) for part in parts), *links]).replace("\\", "")


def zip_of(files: Sequence[str], groups: str = "") -> bytes:
    """Names alone, which is all that a preview looks at."""
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        for name in files:
            archive.writestr(name, b"")
        if groups:
            archive.writestr("groups.csv", groups)
    return content.getvalue()


SCANS = [f"{word}/patient_{i}_{shot}.png" for word in ("cancer", "healthy")
         for i in range(5) for shot in "ab"]  # fmt: skip
PETS = [f"{word}/{i}.png" for word in ("cat", "dog") for i in range(12)]
MANY = [f"breed {k:02}/{i}.png" for k in range(12) for i in range(10)]


def chosen(content: bytes, name: str = "pets.zip") -> AppTest:
    """The page after a zip was chosen on it."""
    at = opened()
    at.file_uploader[0].upload(name, content).run()
    assert not at.exception, at.exception
    return at


def labelled(kind, label: str):
    return next((one for one in kind if one.label == label), None)


def sending(at: AppTest):
    return next(button for button in at.button if "Check and store" in button.label)


@pytest.fixture
def sent(monkeypatch) -> list[dict]:
    """What would have been taken in, in place of taking it in."""
    found = []

    def start(place, content, name, **how) -> str:
        found.append({"name": name, "bytes": len(content.read()), **how})
        return "prepare-nothing.0"

    monkeypatch.setattr(prepare, "start", start)
    return found


# --- before it is sent ----------------------------------------------------------------------------


def test_what_a_zip_holds_is_said_before_it_is_sent(empty):
    assert "24 pictures by their names, in 2 classes: cat and dog." in texts(chosen(zip_of(PETS)))
    at = chosen(zip_of(MANY))
    assert (
        "120 pictures by their names, in 12 classes: breed 00, breed 01, breed 02, breed 03 and 8 "
        "more." in texts(at)
    )
    assert labelled(at.selectbox, "Which class is positive?") is None
    assert not sending(at).disabled


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([name for name in PETS if name.startswith("cat")], "holds one class"),
        ([f"{k:03}/{i}.png" for k in range(101) for i in range(2)], "101 classes"),
        (["read me.txt"], "holds no pictures"),
    ],
)
def test_a_zip_that_cannot_be_used_is_refused_where_it_was_chosen(empty, files, says):
    at = chosen(zip_of(files))
    assert says in at.error[0].value
    assert sending(at).disabled
    assert not empty.uploads.exists()


def test_what_is_no_zip_is_refused_where_it_was_chosen(empty):
    at = chosen(b"PK")
    assert "pets.zip" in at.error[0].value
    assert sending(at).disabled


def test_which_of_two_classes_is_positive_is_a_choice(empty, sent):
    at = chosen(zip_of(SCANS), "scans.zip")
    positive = labelled(at.selectbox, "Which class is positive?")
    assert positive.value == "healthy"  # the last by name, as the engine takes it
    assert "--positive" not in at.code[0].value
    positive.set_value("cancer").run()
    assert "prepare PICTURES --name scans --positive cancer" in at.code[0].value
    sending(at).click().run()
    assert sent[0]["positive"] == "cancer"


def test_names_that_look_alike_are_kept_together_by_a_click_and_not_unasked(empty, sent):
    at = chosen(zip_of(SCANS), "scans.zip")
    assert "--group-by" not in at.code[0].value
    labelled(at.button, "Keep those of one subject together").click().run()
    assert labelled(at.text_input, "Subjects").value == r"^(\D*\d+)"
    assert "20 pictures of 5 subjects" in texts(at)
    assert "The names look like" not in texts(at)
    sending(at).click().run()
    assert sent[0]["group_by"] == r"^(\D*\d+)"


def test_subjects_are_shown_picture_by_picture_before_they_keep_anything_together(empty, sent):
    at = chosen(zip_of(SCANS), "scans.zip")
    assert "The names look like several pictures of one subject" in texts(at)
    labelled(at.selectbox, "Fit").set_value("pad").run()
    labelled(at.text_input, "Subjects").set_value(r" patient_(\d+) ").run()
    assert "20 pictures of 5 subjects; those of one stay in one part of the split." in texts(at)
    table = at.table[0].value
    assert len(table) == 10
    assert table.iloc[0].tolist() == ["cancer/patient\\_0\\_a.png", "0"]
    assert r"--name scans --group-by 'patient_(\d+)' --fit pad" in at.code[0].value
    sending(at).click().run()
    assert sent[0] == {
        "name": "scans", "bytes": len(zip_of(SCANS)), "image_size": 150, "positive": None,
        "group_by": r"patient_(\d+)", "fit": "pad", "lies": None,
    }  # fmt: skip


def test_an_expression_that_cannot_be_used_is_a_sentence_and_changes_no_other_choice(empty):
    at = chosen(zip_of(SCANS))
    labelled(at.selectbox, "Which class is positive?").set_value("cancer").run()
    for expression, says in (("patient_", "no group"), ("(", "cannot be read"), ("(x)", "nothing")):
        labelled(at.text_input, "Subjects").set_value(expression).run()
        assert says in at.error[0].value
        assert sending(at).disabled
    labelled(at.text_input, "Subjects").set_value("").run()
    assert not at.error
    assert labelled(at.selectbox, "Which class is positive?").value == "cancer"


def test_subjects_of_a_table_in_the_zip_are_said_to_be_from_there(empty, sent):
    rows = [f"{name},{name.split('_')[1]}" for name in SCANS]
    at = chosen(zip_of(SCANS, "\n".join(["file,group", *rows])))
    assert "20 pictures of 5 subjects, as groups.csv in the zip says" in texts(at)
    assert labelled(at.text_input, "Subjects") is None
    assert "groups.csv in it (file,group)" in texts(at)
    at = chosen(zip_of(SCANS, "file,group\nnobody.png,1"))
    assert "names 'nobody.png', which is not there" in at.error[0].value.replace("\\", "")


def test_a_name_in_a_zip_is_shown_as_text(empty):
    files = [f"{word}/*a* {i} <b>.png" for word in ("c_t", "d_g") for i in range(12)]
    at = chosen(zip_of(files))
    labelled(at.text_input, "Subjects").set_value(r"a\* (\d+)").run()
    assert at.table[0].value.iloc[0, 0].endswith("\\*a\\* 0 \\<b\\>.png")
    assert "c_t and d_g" in texts(at)


def test_more_pictures_of_a_dataset_are_suggested_as_they_were_taken_in(copied, add_run):
    pets = shutil.copytree(copied.datasets / "drawn", copied.datasets / "pets")
    record = (pets / "dataset.json").read_text()
    for before, after in (
        ('"source": "drawn"', '"source": "pets.zip"'), ('"fit": "stretch"', '"fit": "crop"'),
        ('"grouped_by": ""', '"grouped_by": "folder"'),
    ):  # fmt: skip
        assert before in record
        record = record.replace(before, after)
    (pets / "dataset.json").write_text(record)
    at = opened(add="pets")
    assert labelled(at.text_input, "Name of the dataset").value == "pets-2"
    assert labelled(at.text_input, "Subjects").value == "folder"
    assert labelled(at.selectbox, "Fit").value == "crop"
    assert sending(at).disabled  # no zip was chosen yet


def test_an_address_that_asks_for_more_of_what_is_not_there_says_so(copied):
    assert "There is no dataset nothing here" in texts(opened(add="nothing"))
    assert not opened(add="own").warning


# --- sent -----------------------------------------------------------------------------------------


def zipped(folder) -> bytes:
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()


def intakes(place: Workspace) -> list[jobs.Job]:
    found = (jobs.look(place, folder.name) for folder in place.jobs.glob("prepare-*"))
    return [job for job in found if job]


def send(place: Workspace, content: bytes, name: str, until, subjects: str = "") -> AppTest:
    """Upload on Overview, and wait for the process that takes it in."""
    at = chosen(content, name)
    labelled(at.text_input, "Subjects").set_value(subjects).run()
    sending(at).click().run()
    assert not at.exception, at.exception
    (job,) = intakes(place)
    assert at.query_params["job"] in (job.id, [job.id])  # a reload finds it again
    until(lambda: not jobs.look(place, job.id).alive, 60)
    return at.run()


def test_an_uploaded_zip_becomes_a_dataset_and_is_then_removed(
    copied, two_classes, tmp_path, until
):
    pets = two_classes(tmp_path / "pets")
    deep = np.linspace(0, 4095, 40 * 40, dtype=np.uint16).reshape(40, 40)
    cv2.imwrite(str(pets / "cat" / "5.png"), deep)
    at = send(copied, zipped(pets), "My pets (2).zip", until, subjects=r"^(\d)")
    assert at.success[0].value == (
        "24 of 24 files kept, 0 refused: 24 pictures of 10 subjects and the classes cat and dog."
    )
    assert "16 bits" in texts(at)  # what was changed about how many pictures
    assert (copied.datasets / "My-pets-2" / "dataset.json").exists()
    assert list(copied.uploads.iterdir()) == []
    assert "Train on My-pets-2" in texts(at)
    again = opened(job="prepare-My-pets-2")  # as the first version wrote it
    assert again.success[0].value == at.success[0].value


def test_a_zip_of_broken_pictures_is_refused_in_a_sentence_with_nothing_left(copied, until):
    at = send(copied, zip_of(PETS), "broken.zip", until)
    assert "The class 'cat' has 0 usable pictures" in at.error[0].value
    assert str(copied.path) not in at.error[0].value
    assert not list(copied.datasets.glob("*broken*/*"))
    assert list(copied.uploads.iterdir()) == []


@pytest.mark.parametrize("name", ["drawn", "../evil", ""])
def test_a_name_that_cannot_be_used_is_refused_before_anything_is_written(copied, name):
    at = chosen(zip_of(PETS))
    labelled(at.text_input, "Name of the dataset").set_value(name).run()
    sending(at).click().run()
    assert len(at.error) == 1
    assert not copied.uploads.exists()


def test_an_address_cannot_name_a_job_outside_its_folder(workspace):
    assert not opened(job="prepare-../../etc").error


@pytest.mark.parametrize(
    ("file", "name", "next_name"),
    [
        ("My pets (2).zip", "My-pets-2", "My-pets-3"),
        ("犬と猫.zip", "犬と猫", "犬と猫-2"),
        ("...zip", "pictures", "pictures-2"),
    ],
)
def test_a_dataset_is_named_after_the_file(file, name, next_name):
    assert names.suggest_name(file) == name
    assert names.suggest_name(file, {name}) == next_name
