"""Subjects: told by a groups.csv, by folders or by names; and names that look as if they told."""

import io
import time
import zipfile
from pathlib import Path

import pytest

from engine.data import subjects
from engine.data.sources import Source, open_source
from engine.data.subjects import Alike
from engine.errors import SourceError

NAMES = [f"{word}/p{i}_{j}.jpg" for word in ("cat", "dog") for i in range(4) for j in (1, 2)]


def made(place: Path, kind: str, names: list[str], **texts: str | bytes) -> Path | io.BytesIO:
    """A folder, a zip or an open zip of empty pictures and of what `texts` hold."""
    content = dict.fromkeys(names, b"") | {
        name: text.encode() if isinstance(text, str) else text for name, text in texts.items()
    }
    if kind == "folder":
        for name, data in content.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        return place
    path = place / "pets.zip" if kind == "zip" else io.BytesIO()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def by_file(source: Source) -> dict[str, str]:
    return dict(zip(source.files, source.groups, strict=True))


def table(rows: dict[str, str]) -> str:
    return "file,group\n" + "".join(f"{file},{group}\n" for file, group in rows.items())


SUBJECTS = {name: name.split("_")[0].replace("/", " ") for name in NAMES}


# --- groups.csv -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "zip", "upload"])
@pytest.mark.parametrize("wrap", ["", "pets/", "a/train/"])
@pytest.mark.parametrize("seen_from", ["source", "table"])
def test_a_table_in_the_source_or_the_folder_around_it_tells_subjects(
    tmp_path, kind, wrap, seen_from
):
    names = [wrap + name for name in NAMES]
    prefix = wrap if seen_from == "source" else ""
    told = table({prefix + name: group for name, group in SUBJECTS.items()})
    source = open_source(made(tmp_path, kind, names, **{f"{wrap}groups.csv": told}))
    assert by_file(source) == {wrap + name: group for name, group in SUBJECTS.items()}
    assert source.grouped_by == "groups.csv"
    assert source.refused == ()


WRITTEN = {
    "with a mark of UTF-8": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "with backslashes": lambda text: text.replace("/", "\\").encode(),
    "with Windows' line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "with other columns and capitals": lambda text: (
        "Age,Group,File\n" + "".join(
            f"7,{line.split(',')[1]},{line.split(',')[0]}\n" for line in text.splitlines()[1:]
        )
    ).encode(),
    "with spaces, quotes and empty lines": lambda text: (
        text.replace(",cat p1", ', "cat  p1"').replace("\n", "\n\n").replace(', "', ',"').encode()
    ),
}  # fmt: skip


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
def test_tables_as_programs_write_them(tmp_path, write):
    data = write(table(SUBJECTS))
    source = open_source(made(tmp_path, "folder", NAMES, **{"groups.csv": data}))
    assert by_file(source) == SUBJECTS


def test_accents_in_a_table_may_be_spelt_in_both_ways(tmp_path):
    names = [name.replace("cat", "e\u0301te\u0301") for name in NAMES]
    pairs = zip(names, SUBJECTS.values(), strict=True)
    told = table({name.replace("e\u0301", "é"): group for name, group in pairs})
    source = open_source(made(tmp_path, "zip", names, **{"groups.csv": told}))
    assert sorted(source.groups) == sorted(SUBJECTS.values())


def test_a_table_comes_before_what_was_asked_for_and_may_name_other_files(tmp_path):
    told = table(SUBJECTS | {"logo.png": "x", "notes.txt": "y"})
    path = made(tmp_path, "folder", [*NAMES, "logo.png", "notes.txt"], **{"groups.csv": told})
    source = open_source(path, group_by="folder")
    assert (by_file(source), source.grouped_by) == (SUBJECTS, "groups.csv")
    assert [name for name, _ in source.refused] == ["notes.txt", "logo.png"]


def without(*names: str) -> dict[str, str]:
    return {name: group for name, group in SUBJECTS.items() if name not in names}


FIRST = NAMES[0]
BAD_TABLES = {
    "unknown file": (table(SUBJECTS | {"cat/9.jpg": "a"}), "Line 18 of groups.csv names 'cat/9"),
    "a way out of the source": (table(SUBJECTS | {"../x.jpg": "a"}), "names '../x.jpg', which"),
    "missing files": (
        table(without(*NAMES[:3])), "groups.csv leaves out 3 of 16 pictures, the first 'cat/p0_1"
    ),
    "empty group": (table(SUBJECTS | {FIRST: " "}), "Line 2 of groups.csv gives 'cat/p0_1.jpg' no"),
    "no second cell": ("file,group\n" + FIRST, "Line 2 of groups.csv gives 'cat/p0_1.jpg' no"),
    "two groups": (
        table(SUBJECTS) + f"{FIRST},other\n",
        "Line 18 of groups.csv puts 'cat/p0_1.jpg' into the group 'other', .* before into 'cat p0'",
    ),
    "other columns": ("name;subject\na;b\n", "has the columns 'name;subject'; its first line has"),
    "no line": ("", "groups.csv has no columns; its first line has to be file,group"),
    "not UTF-8": (table(SUBJECTS).encode() + b"caf\xe9.jpg,1\n", r"\(not UTF-8\); store it as CSV"),
    "an open quote": ('file,group\n"cat/1.jpg,a\n', "groups.csv cannot be read as a table"),
    "a subject's name of a novel's length": (
        table(SUBJECTS | {FIRST: "p" * 1001}), "'p{40}…' has a name of 1,001 characters; name it in"
    ),
    "few subjects": (
        table({name: "one" if name.startswith("dog") else SUBJECTS[name] for name in NAMES}),
        "at least 3 subjects, one for each part of the split: 'dog' has 1; add others",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("told", BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_table_that_cannot_be_taken_at_its_word_is_refused(tmp_path, told, kind):
    data, says = told
    with pytest.raises(SourceError, match=says) as refused:
        open_source(made(tmp_path, kind, NAMES, **{"groups.csv": data}))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"cat/groups.csv": ""}, "cat/groups.csv lies where not all pictures are, as 'dog/p0_"),
        ({"groups.csv": "", "cat/Groups.CSV": ""}, "There are 2 groups.csv"),
    ],
)
def test_a_table_that_would_be_passed_over_is_told(tmp_path, texts, says):
    with pytest.raises(SourceError, match=says):
        open_source(made(tmp_path, "folder", NAMES, **texts))


def test_a_link_to_a_table_is_not_followed_and_not_passed_over(tmp_path):
    (tmp_path / "told.csv").write_text(table(SUBJECTS))
    path = made(tmp_path / "p", "folder", NAMES)
    (path / "groups.csv").symlink_to(tmp_path / "told.csv")
    with pytest.raises(SourceError, match=r"groups.csv is not read: it is a link; .*; put a file"):
        open_source(path)


def test_a_table_larger_than_allowed_is_not_read(tmp_path):
    path = made(tmp_path, "folder", NAMES)
    with (path / "groups.csv").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(SourceError, match=r"groups.csv cannot be read \(larger than 64 MB\)"):
        open_source(path)


# --- folders and names ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_folders_below_the_classes_tell_subjects_and_one_name_is_one_subject(tmp_path, kind):
    names = [f"{word}/p{i}/{j}.jpg" for word in ("cat", "dog") for i in range(4) for j in (1, 2)]
    names.append("dog/p0/left/3.jpg")
    source = open_source(made(tmp_path, kind, names), group_by="folder")
    assert by_file(source) == {name: name.split("/")[1] for name in names}
    assert (source.grouped_by, len(set(source.groups))) == ("folder", 4)


def test_pictures_in_no_folder_of_a_subject_are_counted_and_the_first_is_named(tmp_path):
    names = [f"{word}/p{i}/1.jpg" for word in ("cat", "dog") for i in range(4)]
    path = made(tmp_path, "folder", [*names, "dog/8.jpg", "dog/9.jpg"])
    with pytest.raises(SourceError, match=r"2 of 10 pictures lie in no folder below .* 'dog/8"):
        open_source(path, group_by="folder")
    flat = made(tmp_path / "flat", "folder", ["cat.1.jpg", "dog.1.jpg"])
    with pytest.raises(SourceError, match="2 of 2 pictures lie in no folder below"):
        open_source(flat, group_by="folder")


@pytest.mark.parametrize("kind", ["folder", "zip", "upload"])
def test_an_expression_finds_subjects_in_the_last_part_of_a_name(tmp_path, kind):
    source = open_source(made(tmp_path, kind, NAMES), group_by=r"p(\d)_")
    assert by_file(source) == {name: name.split("/p")[1][0] for name in NAMES}
    assert source.grouped_by == r"p(\d)_"
    with pytest.raises(SourceError, match=r"finds nothing in any name, as in 'cat/p0_1.jpg'"):
        open_source(made(tmp_path, kind, NAMES), group_by="(cat|dog)")


BAD_EXPRESSIONS = {
    "(": r"'\(' for subjects cannot be read \(missing \), unterminated subpattern at position 0\)",
    "a{99999999999}(b)": "cannot be read .the repetition number is too large",
    r"p\d": "has no group in brackets and needs one",
    "": "'' for subjects has no group in brackets",
    "(p)(1)": r"has 2 groups in brackets and needs one, the subject; write one like patient_\(",
    "(x)": "finds nothing in any name, as in 'cat/p0_1.jpg'",
    "x|p(0|1)_": "finds nothing in 8 of 16 names, the first 'cat/p2_1.jpg'",
    "x|p[0-9](x)?": "finds nothing in any name",
    "^(.)": "needs pictures of at least 3 subjects, .*: 'cat' has 1, 'dog' has 1; add others",
    "(" + "a" * 200 + ")": "has up to 200 characters that can be seen",
    "(\0)": "has up to 200 characters that can be seen",
}


@pytest.mark.parametrize("expression", BAD_EXPRESSIONS)
def test_an_expression_that_tells_no_subjects_is_refused(tmp_path, expression):
    with pytest.raises(SourceError, match=BAD_EXPRESSIONS[expression]) as refused:
        open_source(made(tmp_path, "zip", NAMES), group_by=expression)
    assert "\n" not in str(refused.value)


def test_an_expression_that_would_never_be_done_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(subjects, "MATCH_SECONDS", 0.5)
    names = [*NAMES, "cat/" + "a" * 60 + "!.jpg"]
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"not done with 17 names in 0.5 s; write one without"):
        open_source(made(tmp_path, "zip", names), group_by="^(a+)+$")
    assert time.monotonic() - began < 10


def test_classes_with_few_subjects_are_named_the_first_of_them(tmp_path):
    words = [f"c{i}" for i in range(9)]
    names = [f"{word}/{i}/1.jpg" for word in words for i in range(3 if word == "c4" else 2)]
    says = "'c0' has 2, 'c1' has 2, .*'c6' has 2, and 2 other classes have no more; add others"
    with pytest.raises(SourceError, match=says):
        open_source(made(tmp_path, "zip", names), group_by="folder")


# --- names that look like subjects ----------------------------------------------------------------


def in_two_classes(*names: str) -> tuple[list[str], list[int]]:
    """The names in each of two classes; `{}` is a number that they do not share."""
    files = [f"{word}/{n.format(10 * i + c)}" for i in range(6) for c, word in enumerate(("x", "y"))
             for n in names]  # fmt: skip
    return files, [int(file.startswith("y/")) for file in files]


LOOK_ALIKE = {
    ("patient_{}_1.jpg", "patient_{}_2.jpg"): r"^(\D*\d+)",
    ("IMG_00{}a.png", "IMG_00{}b.png"): r"^(\D*\d+)",
    ("{}_left.jpg", "{}_right.jpg"): r"^(\D*\d+)",
    ("{}-1.jpg", "{}-2.jpg", "{}-3.jpg"): r"^(\D*\d+)",
    ("site1 case{} 1.jpg", "site1 case{} 2.jpg"): r"^(\D*\d+\D+\d+)",
    ("p{}_a.jpg", "p{}_b.jpg", "3f2a{}bec180eb.jpg"): r"^(\D*\d+(?![A-Za-z]*\d)|.+)",
    ("p{}_a.jpg", "p{}_b.jpg", "logo.jpg"): r"^(\D*\d+(?![A-Za-z]*\d)|.+)",
}
LOOK_SINGLE = [
    ("cat.{}.jpg",), ("Abyssinian_{}.jpg",), ("{}.png",), ("IMG_2021{}.jpg",), ("logo {}.jpg",),
    ("Black_Footed_Albatross_00{}_796111.jpg",), ("3f2a{}c1d2e3f4.jpg", "bec{}eb18c7604.jpg"),
    ("cat.{}.jpg", "cat.{}.png"), ("a/{}.jpg", "b/{}.jpg"), ("n0208_{}.JPEG",),
]  # fmt: skip


@pytest.mark.parametrize("names", LOOK_ALIKE)
def test_names_of_several_pictures_of_a_subject_are_pointed_out(tmp_path, names):
    files, labels = in_two_classes(*names)
    expression = LOOK_ALIKE[names]
    found = subjects.look_alike(files, labels)
    assert found == Alike(names[0].format("0"), names[1].format("0"), expression)
    source = open_source(made(tmp_path, "zip", sorted(set(files))), group_by=expression)
    groups = by_file(source)
    assert groups["x/" + names[0].format("10")] == groups["x/" + names[1].format("10")]
    assert groups["x/" + names[0].format("10")] != groups["x/" + names[0].format("20")]


@pytest.mark.parametrize("names", LOOK_SINGLE)
def test_names_that_only_count_pictures_are_not_pointed_out(names):
    assert subjects.look_alike(*in_two_classes(*names)) is None


def test_a_few_names_that_look_alike_are_no_pattern():
    files = [f"x/IMG_{i}.jpg" for i in range(50)] + [f"x/IMG_{i} (2).jpg" for i in range(5)]
    assert subjects.look_alike(files, [0] * 55) is None
    files += [f"x/IMG_{i} (2).jpg" for i in range(5, 9)]
    found = subjects.look_alike(files, [0] * 59)
    assert (found.one, found.other) == ("IMG_0 (2).jpg", "IMG_0.jpg")
