"""`prepare` and `datasets` as a person meets them: many classes, subjects, and what is refused."""

import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from engine import jobs
from engine.commands import prepare as room
from engine.commands.preview import preview
from engine.data import subjects
from engine.errors import ConfigError, SourceError
from engine.workspace import Workspace

SENTENCE = re.compile(r"[^\n]+[.]\n")


pytestmark = pytest.mark.usefixtures("empty_workspace", "decode_here")


@pytest.fixture(scope="module")
def things(tmp_path_factory, draw_files) -> Path:
    """What the lines below name: sources of names, and two with pictures of six animals a class."""
    place = tmp_path_factory.mktemp("things")
    for word in ("ant", "bee", "[red]cat"):
        for i, path in enumerate(draw_files(place / "three" / word, word, 12, "old {i}.png")):
            path.rename(path.with_name(f"{word[-3:]}_{i // 2}_{i % 2}.png"))
    for word in ("ant", "bee"):
        shutil.copytree(place / "three" / word, place / "two" / word)

    def touch(folder: str, *names: str, table: str | bytes = "") -> None:
        for name in names:
            (place / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (place / folder / name).touch()
        if table:
            data = table if isinstance(table, bytes) else table.encode()
            (place / folder / "groups.csv").write_bytes(data)

    names = [f"{word}/{i}.png" for word in ("cat", "dog") for i in range(4)]
    told = [f"{name},animal {name}" for name in names]
    touch("one-class", "cat/1.png", "cat/2.png")
    touch("hundred-and-one", *(f"c{i:03}/1.png" for i in range(101)))
    touch("case", "Cat/1.png", "cat/1.png")
    touch("two-readings", *(f"site-{s}/{c}/1.png" for s in "ab" for c in ("cat", "dog")))
    touch("plain", *names)
    touch("repeats", *names, "cat/" + "a" * 60 + "!.png")
    for folder, lines in {
        "unknown": [*told, "cat/9.png,x"],
        "missing": told[2:],
        "empty": [*told[:-1], "dog/3.png,"],
        "twice": [*told, "cat/0.png,other"],
        "few": [*told[:4], *(f"{name},one" for name in names[4:])],
    }.items():
        touch(folder, *names, table="\n".join(["file,group", *lines]))
    touch("columns", *names, table="name,subject\n")
    touch("latin", *names, table="file,group\ncat/é.png,1\n".encode("latin-1"))
    return place


PLAIN = "prepare {things}/plain --name x --group-by"
BAD_LINES = {
    "prepare {things}/one-class --name x": r"holds one class \('cat'\), and at least two are",
    "prepare {things}/hundred-and-one --name x": "holds 101 classes .*, and at most 100 are",
    "prepare {things}/case --name x": "'Cat' and 'cat', which differ in case only",
    "prepare {things}/two-readings --name x": "so that either may be the classes",
    "prepare {things}/two --name x --positive fox": "'fox' is no class of .*; choose ant or bee",
    "prepare {things}/three --name x --positive ant": "is asked of two classes, and .* holds 3",
    "prepare drawn --name x --positive fox": "'fox' is no class of 'drawn'",
    "prepare drawn --name x --group-by folder": "Drawn pictures are each of an animal of its own",
    "prepare {things}/unknown --name x": "Line 10 of groups.csv names 'cat/9.png', which is not",
    "prepare {things}/missing --name x": "leaves out 2 of 8 pictures, the first 'cat/0.png'",
    "prepare {things}/empty --name x": "Line 9 of groups.csv gives 'dog/3.png' no group",
    "prepare {things}/twice --name x": "Line 10 of groups.csv puts 'cat/0.png' into the group 'o",
    "prepare {things}/few --name x": "at least 3 subjects, .*: 'dog' has 1; add others",
    "prepare {things}/columns --name x": "has the columns 'name', 'subject'; its first line has to",
    "prepare {things}/latin --name x": r"groups.csv cannot be read as a table \(not UTF-8\)",
    f"{PLAIN} (": "cannot be read .*; write one like",
    f"{PLAIN} [0-9]": "has no group in brackets and needs one",
    f"{PLAIN} (.)(.)": "has 2 groups in brackets and needs one",
    f"{PLAIN} x(.)": "finds nothing in any name",
    f"{PLAIN} ([0-2])": "finds nothing in 2 of 8 names, the first 'cat/3.png'",
    f"{PLAIN} folder": "8 of 8 pictures lie in no folder below the one of their class, the first",
    f"{PLAIN} (png)": "at least 3 subjects, .*: 'cat' has 1, 'dog' has 1",
    "prepare {things}/repeats --name x --group-by ^(a+)+$": "was not done with 9 names in 1 s",
}  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES)
def test_bad_input_ends_in_one_sentence_and_status_2_with_nothing_left(
    line, verb, things, empty_workspace, listing, monkeypatch
):
    monkeypatch.setattr(subjects, "MATCH_SECONDS", 1.0)
    words = [word.format(things=things) if "{t" in word else word for word in line.split()]
    status, said, error = verb(*words)
    assert (status, said) == (2, "")
    assert SENTENCE.fullmatch(error), error
    assert re.search(BAD_LINES[line], error), error
    assert listing(empty_workspace) == []


def test_many_classes_are_printed_as_a_table_and_their_names_as_they_are(verb, things):
    status, said, error = verb("prepare", things / "three", "--name", "mine", "--image-size", "32")
    assert (status, error.startswith("The names look like")) == (0, True)
    assert "--group-by '^(\\D*\\d+)' keeps those of one" in error
    lines = [line.split() for line in said.splitlines()]
    assert said.startswith("mine: 36 pictures of 36 files kept, 0 refused, 32 px, fingerprint ")
    assert lines[1:] == [
        ["class", "train", "validation", "test"], ["[red]cat", "10", "1", "1"],
        ["ant", "10", "1", "1"], ["bee", "10", "1", "1"], ["all", "3", "30", "3", "3"],
    ]  # fmt: skip


def test_subjects_are_counted_and_two_classes_are_a_line_a_part(verb, things):
    line = ["--name", "mine", "--image-size", "32", "--group-by", r"(\w+_\d+)_"]
    status, said, error = verb("prepare", things / "two", *line, "--positive", "ANT")
    assert (status, error) == (0, "")
    first, *rest = said.splitlines()
    assert first.startswith("mine: 24 pictures of 12 subjects (of 24 files, 0 refused), 32 px, ")
    assert rest == [
        "  train       8 bee, 8 ant", "  validation  2 bee, 2 ant", "  test        2 bee, 2 ant",
    ]  # fmt: skip


def test_a_table_comes_before_group_by_and_that_is_said(verb, things, tmp_path):
    folder = shutil.copytree(things / "two", tmp_path / "two")
    files = [path.relative_to(folder).as_posix() for path in folder.glob("*/*.png")]
    told = [f"{file},{file.rpartition('_')[0]}" for file in files]
    (folder / "groups.csv").write_text("\n".join(["file,group", *told]))
    line = ["--name", "mine", "--image-size", "32", "--group-by", "(.)"]
    status, said, error = verb("prepare", folder, *line)
    assert status == 0
    assert error == "groups.csv tells the subjects, and --group-by was not used.\n"
    assert "24 pictures of 12 subjects" in said


def test_datasets_say_how_many_classes_and_subjects_there_are(verb, things):
    for line in (["three", "--name", "many"], ["two", "--name", "two", "--group-by", r"_(\d)_"]):
        assert verb("prepare", things / line[0], *line[1:], "--image-size", "32")[0] == 0
    many, two = json.loads(verb("datasets", "--json")[1])
    assert (many["classes"], many["groups"], many["grouped_by"]) == (3, None, None)
    assert (two["classes"], two["groups"], two["grouped_by"]) == (2, 6, r"_(\d)_")
    told = verb("datasets")[1].splitlines()
    assert re.search(r"^ many +36 +3 classes +32 ", told[1])
    assert re.search(r"^ two +24 +6 +ant / bee +32 ", told[2])


# --- before an upload is sent ---------------------------------------------------------------------


def sent(folder: Path) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    content.seek(0)
    return content


@pytest.mark.parametrize("kind", ["folder", "upload"])
def test_a_preview_says_classes_and_the_first_ten_pictures_with_their_subjects(things, kind):
    source = things / "three" if kind == "folder" else sent(things / "three")
    found = preview(source)
    assert (found.class_names, found.pictures) == (("[red]cat", "ant", "bee"), 36)
    assert (found.subjects, found.grouped_by) == (0, "")
    assert found.first[9] == ("[red]cat/cat_4_1.png", "")
    assert (found.alike.one, found.alike.other) == ("ant_0_0.png", "ant_0_1.png")
    found = preview(source, r"(\w+_\d+)_")
    assert (found.subjects, found.grouped_by, found.alike) == (18, r"(\w+_\d+)_", None)
    assert len(found.first) == 10
    assert found.first[9] == ("[red]cat/cat_4_1.png", "cat_4")
    if kind == "upload":
        assert source.tell() == 0  # it is yet to be sent


def test_a_number_that_starts_anew_in_each_class_is_pointed_out(things, verb):
    """`_(\\d+)_` takes cat_1, ant_1 and bee_1 for one subject."""
    assert preview(things / "three", r"(\w+_\d+)_").mixed == 0
    found = preview(things / "three", r"_(\d+)_")
    assert (found.subjects, found.mixed) == (6, 6)
    status, _, err = verb("prepare", things / "three", "--name", "mixed", "--image-size", "32",
                          "--group-by", r"_(\d+)_")  # fmt: skip
    assert status == 0
    assert "6 of 6 subjects stand in more than one class" in err


def test_a_preview_of_what_cannot_be_prepared_is_the_sentence(things):
    content = sent(things / "unknown")
    content.name = "pets.zip"
    with pytest.raises(SourceError, match=r"Line 10 of groups.csv names"):
        preview(content)
    content = io.BytesIO(b"no zip")
    content.name = "pets.zip"
    with pytest.raises(SourceError, match=r"'pets.zip' cannot be read as a zip"):
        preview(content)


def test_a_preview_of_a_zip_with_a_bad_name_leaves_out_that_name_alone():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("cat/1.jpg", "cat/é.jpg", "dog/1.jpg"):
            archive.writestr(name, name)
    content = io.BytesIO(content.getvalue().replace("é".encode(), b"\xe9x"))
    assert preview(content).pictures == 2


def test_an_upload_takes_its_subjects_and_positive_class_along(
    things, empty_workspace, monkeypatch
):
    submitted = []
    monkeypatch.setattr(jobs, "submit", lambda place, argv, **_: submitted.append(argv) or "job.0")
    place, content = Workspace(empty_workspace), sent(things / "two")
    room.start(place, content, "mine", group_by=r"-?(\w+_\d+)_", positive="ant")
    ((verb, source, *options),) = submitted
    assert (verb, options[4:6]) == ("prepare", [r"--group-by=-?(\w+_\d+)_", "--positive=ant"])
    (upload,) = place.uploads.glob("*/mine.zip")
    assert upload.read_bytes() == content.getvalue()
    assert source == f"upload:{upload.parent.name}/mine.zip"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"group_by": "("}, "cannot be read"),
        ({"group_by": "x(.)"}, "finds nothing in any name"),
        ({"positive": "fox"}, "'fox' is no class of 'mine.zip'"),
    ],
)
def test_an_upload_that_cannot_be_grouped_as_asked_is_refused_before_it_is_written(
    things, empty_workspace, listing, asked, says
):
    with pytest.raises((SourceError, ConfigError), match=says):
        room.start(Workspace(empty_workspace), sent(things / "two"), "mine", **asked)
    assert listing(empty_workspace) == []
