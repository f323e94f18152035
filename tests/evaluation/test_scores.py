"""Scores of any model from a CSV file, and the sentence where there is something wrong with it."""

import csv
import io
import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ScoresError
from engine.evaluation import scores as reader
from engine.evaluation.roc import auc
from engine.evaluation.scores import read_scores

SMALL = "y_true,y_score\n0,0.1\n1,0.9\n"


@pytest.fixture
def no_second_reading(monkeypatch):
    """Fails where a file that is as it must be is read line by line."""
    monkeypatch.setattr(reader, "_careful", lambda *_: pytest.fail("it was read line by line"))


def read(text: str, encoding: str = "utf-8", **asked):
    return read_scores(text.encode(encoding), **asked)


# --- what is read ---------------------------------------------------------------------------------


def test_a_path_its_name_and_its_content_are_read_alike(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(SMALL)
    for source in (path, str(path), SMALL.encode()):
        found = read_scores(source)
        assert found.y_true.tolist() == [0, 1]
        assert found.columns["y_score"].tolist() == [0.1, 0.9]
        assert (found.groups, found.passed_over) == (None, ())


def test_a_pipe_which_can_be_read_but_once(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(SMALL,))
    writer.start()
    assert read_scores(path).columns["y_score"].tolist() == [0.1, 0.9]
    writer.join()


def test_other_columns_blank_lines_quotes_and_a_byte_order_mark():
    text = 'name, y_score ,y_true\r\n"a,b",0.25,0\r\n\r\n ,,\r\n"say ""c""","1e-1",1.0\r\n'
    found = read(text, "utf-8-sig")
    assert found.y_true.tolist() == [0, 1]
    assert found.columns["y_score"].tolist() == [0.25, 0.1]
    assert found.passed_over == ("name",)


def test_line_ends_of_other_systems_and_none_at_the_end(no_second_reading):
    for end in ("\n", "\r\n", "\r"):
        assert read(SMALL.replace("\n", end)).y_true.tolist() == [0, 1]
        assert read(SMALL.replace("\n", end).rstrip()).y_true.tolist() == [0, 1]


def test_further_columns_of_numbers_are_models_after_y_score(no_second_reading):
    text = "vgg,file,y_true,y_score,ResNet 50,comment\n3,a,0,0.1,-7,good\n4,b,1,0.2,8e3,\n"
    found = read(text)
    assert list(found.columns) == ["y_score", "vgg", "ResNet 50"]
    assert found.columns["ResNet 50"].tolist() == [-7, 8000]
    assert found.passed_over == ("file", "comment")


def test_columns_whose_names_say_that_they_are_no_scores_are_passed_over():
    """An index that pandas wrote, and the predictions that Evaluate writes of classes named by
    numbers."""
    text = ",file,picture,truth,says,y_true,y_pred,y_score,fold,subject\n"
    text += "0,1,77,3,7,0,1,0.5,1,12\n1,2,78,7,7,1,1,0.9,2,13\n"
    found = read(text)
    assert list(found.columns) == ["y_score"]
    assert "subject" in found.passed_over


def test_the_columns_that_were_asked_for_and_no_others():
    text = "y_true,a,b,weight\n0,1,x,-1\n1,2,y,2\n"
    assert list(read(text, columns=["a"]).columns) == ["a"]
    found = read("y_true,a,b\n0,1,2\n1,2,3\n", columns=["b", "a", "b"])
    assert [(name, of.tolist()) for name, of in found.columns.items()] == [
        ("b", [2, 3]), ("a", [1, 2]),
    ]  # fmt: skip
    with pytest.raises(ScoresError, match=r"Line 2 .* score 'x', .* in the column b"):
        read(text, columns=["a", "b"])


def test_subjects_are_numbered_by_their_names(no_second_reading):
    text = 'y_true,y_score,who\n0,1,"Ann, B."\n1,2,007\n0,3,7\n1,4," 007 "\n'
    assert read(text, groups="who").groups.tolist() == [0, 1, 2, 1]
    assert list(read(text, groups="who").columns) == ["y_score"]


@pytest.mark.parametrize("groups", [None, "who"])
def test_subjects_read_line_by_line_are_the_same(groups):
    text = "y_true,y_score,who\n0,1,a\n , ,\n1,2,b\n1,3,a\n"
    found = read(text, groups=groups)
    assert found.y_true.tolist() == [0, 1, 1]
    assert groups is None or found.groups.tolist() == [0, 1, 0]


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1", " 2 ", "+.5", "3.", "1e-3", '"4"', "-0"]),
)
words = st.text(st.sampled_from("ab,\"'\n é#;"), max_size=5)


@given(st.lists(st.tuples(st.sampled_from("01"), numbers, words, words), min_size=1))
def test_both_readers_read_the_same(rows):
    """Of a file that the fast reader takes, the careful one reads the very same numbers."""
    written = io.StringIO()
    csv.writer(written).writerow(["y_true", "y_score", "remark", "who"])
    for label, score, remark, who in rows:
        quoted = ['"{}"'.format(one.replace('"', '""')) for one in (remark, f"x{who}")]
        written.write(",".join([label, score, *quoted]) + "\n")
    data = written.getvalue().encode()
    with reader._open(data) as text:
        layout = reader._layout(csv.reader(text), (), "who", "it")
    with reader._open(data) as text:
        fast = reader._fast(text, layout)
    with reader._open(data) as text:
        careful = reader._careful(csv.reader(text), layout, "it")
    assert fast is not None
    assert [one.tolist() for one in fast[0]] == [one.tolist() for one in careful[0]]
    assert fast[1].tolist() == careful[1].tolist()


def test_a_million_rows_are_not_read_line_by_line(no_second_reading):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 10_000)
    rows = "".join(f"{y},{s:.6f}\n" for y, s in zip(labels, rng.normal(labels), strict=True))
    found = read("y_true,y_score\n" + 100 * rows)
    assert len(found.y_true) == 1_000_000
    assert auc(found.y_true, found.columns["y_score"]) == pytest.approx(0.76, abs=0.01)  # Φ(1 / √2)


# --- what is refused ------------------------------------------------------------------------------

BAD = {
    "": "Line 1 .* no column y_true and no column y_score; its first line",
    "0,0.1\n1,0.9\n": "Line 1 .* no column y_true and no column y_score",
    "y_true,score\n0,0.1\n": "Line 1 .* no column y_score, but y_true, score; ",
    "label,y_score\n0,0.1\n": "Line 1 .* no column y_true",
    "y_true;y_score\n0;0,1\n": "parted by semicolons; .* separated by a comma, .* with a point",
    "y_true\ty_score\n0\t0.1\n": "parted by tabs",
    "y_true,y_score\n": "is empty below its header",
    "y_true,y_score\n\n , \n": "is empty below its header",
    "y_true,y_score\n0,0.1\n1,nan\n": "Line 3 .* score 'nan', .* in the column y_score",
    "y_true,y_score\n0,0.1\n1,-inf\n": "Line 3 .* score '-inf'",
    "y_true,y_score\n0,0.1\n1,1e999\n": "Line 3 .* score '1e999'",
    "y_true,y_score\n0,0.1\n\n1,high\n": "Line 4 .* score 'high', .* the column y_score",
    "y_true,y_score\n0,0.1\n1,1_0\n": "Line 3 .* score '1_0'",
    "y_true,y_score\n0,0.1\n1,\n": "Line 3 .* score ''",
    'y_true,y_score\n0,0.1\n1,"0,9"\n': "Line 3 .* score '0,9', .* write decimals with a point",
    "y_true,y_score\n0,0.1\n1,0,9\n": "Line 3 .* has 3 cells and its first line 2; write decimals",
    "y_true,y_score\n0,0.1\n1\n": "Line 3 .* has 1 cell and its first line 2",
    "y_true,y_score\n2,0.1\n1,0.2\n": "Line 2 .* label '2' in the column y_true",
    "y_true,y_score\ndog,0.1\n1,0.2\n": "Line 2 .* label 'dog'",
    "y_true,y_score\nnan,0.1\n1,0.2\n": "Line 2 .* label 'nan'",
    "y_true,y_score\n1,0.1\n1,0.2\n": "only class 1",
    "y_true,y_score\n0,0.1\n": "only class 0",
    "y_true,y_score,b\n0,1,2\n1,1,two\n": "Line 3 .* score 'two', .* the column b",
    "y_true,y_score,y_score\n0,1,2\n1,1,2\n": "The column y_score .* stands there twice",
    "y_true,y_score,sample_weight\n0,1,2\n1,1,-2\n": "a column sample_weight, and rows cannot be",
    'y_true,y_score\n0,"0.1\n1,0.2\n': "Line 3 .* score",
}


@pytest.mark.parametrize("text", BAD)
def test_a_refusal_is_one_sentence_that_names_the_line_or_the_column(text):
    with pytest.raises(ScoresError, match=BAD[text]) as caught:
        read(text, called="them")
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert ". " not in message


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"columns": ["c"]}, "Line 1 .* no column c, but y_true, y_score, who"),
        ({"groups": "whose"}, "no column whose"),
        ({"groups": "who"}, "Line 3 .* no subject in the column who"),
        ({"groups": "y_true"}, "The column y_true .* two things at once"),
        ({"columns": ["y_score"], "groups": "y_score"}, "y_score .* two things at once"),
    ],
)
def test_columns_that_cannot_be_what_was_asked_for(asked, says):
    with pytest.raises(ScoresError, match=says):
        read("y_true,y_score,who\n0,0.1,a\n1,0.2, \n", **asked)


def test_what_cannot_be_read_at_all(tmp_path):
    with pytest.raises(ScoresError, match="There is no file"):
        read_scores(tmp_path / "none.csv")
    with pytest.raises(ScoresError, match="cannot be read"):
        read_scores(tmp_path)
    for encoding in ("utf-16", "utf-32"):
        with pytest.raises(ScoresError, match="not UTF-8 text"):
            read(SMALL, encoding)
    with pytest.raises(ScoresError, match="not UTF-8 text"):
        read("name," + SMALL.replace("\n", "\né,"), "latin-1")


def test_a_fault_in_the_last_of_many_lines_is_found():
    text = "y_true,y_score\n" + 20_000 * "0,0.5\n1,0.25\n" + "1,0.5x\n"
    with pytest.raises(ScoresError, match=r"Line 40002 of it has the score '0.5x'"):
        read(text, called="it")
