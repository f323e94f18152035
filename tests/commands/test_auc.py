"""The verb auc: what it prints of a file of scores, and what it says of a bad one."""

import json
import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engine.commands.auc import swapped
from engine.evaluation.compare import all_pairs
from engine.evaluation.intervals import INTERVALS, auc_interval
from tests.evaluation.asah import PREDICTORS, asah

SENTENCE = re.compile(r"[^\n]+[.]\n")
FIGURES = {
    "auc", "auc_low", "auc_high", "standard_error", "interval", "level", "side", "n_positive",
    "n_negative",
}  # fmt: skip
GOOD = "y_true,y_score\n0,0.1\n1,0.9\n0,0.4\n1,0.3\n"


@pytest.fixture
def file(tmp_path):
    """`file(text)`: the path of a CSV that holds it."""

    def write(text: str, encoding: str = "utf-8"):
        path = tmp_path / "scores.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.fixture
def answer(verb):
    """The one JSON value that a line prints."""

    def run(*line):
        status, said, error = verb("auc", *line, "--json")
        assert status == 0, error
        assert said.count("\n") == 1
        return json.loads(said)

    return run


@pytest.fixture
def hemorrhages(file):
    """pROC's own data, with its first predictor as y_score."""
    labels, by_name = asah()
    header = ",".join(["y_true", "y_score", *PREDICTORS[1:], "patient"])
    rows = zip(labels, *(by_name[name] for name in PREDICTORS), range(len(labels)), strict=True)
    return file("\n".join([header, *(",".join(map(str, row)) for row in rows)]))


# --- what it prints -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", INTERVALS)
def test_every_method_prints_what_the_engine_finds(method, answer, hemorrhages):
    told = answer(hemorrhages, "--column", "y_score", "--interval", method)
    assert told.keys() == FIGURES
    labels, by_name = asah()
    expected = auc_interval(labels, by_name["s100b"], method)
    assert (told["auc_low"], told["auc_high"]) == (expected.low, expected.high)
    assert (told["interval"], told["standard_error"]) == (method, expected.standard_error)
    assert told["auc"] == pytest.approx(roc_auc_score(labels, by_name["s100b"]), abs=1e-15)


def test_delong_is_that_of_pROC(answer, hemorrhages):
    """pROC 1.18.0, ci.auc(method = "delong"), at 95% and 90%."""
    for level, low, high in (
        (0.95, 0.63011821176162264, 0.83261891560965107),
        (0.9, 0.64639658975856984, 0.81634053761270375),
    ):
        told = answer(hemorrhages, "--interval", "delong", "--level", level)
        assert (told["auc_low"], told["auc_high"]) == pytest.approx((low, high), abs=1e-12)


def test_several_models_are_compared(answer, hemorrhages):
    told = answer(hemorrhages, "--column", "y_score", "--column", "ndka", "--column", "wfns")
    assert told["column"] == "y_score"
    assert [one["column"] for one in told["columns"]] == ["y_score", *PREDICTORS[1:]]
    assert told["auc"] == told["columns"][0]["auc"]
    first = told["pairs"][0]
    assert (first["a"], first["b"], first["paired"]) == ("y_score", "ndka", True)
    assert first["z"] == pytest.approx(1.3907700257355771)  # pROC's roc.test(paired = TRUE)
    assert first["p"] == pytest.approx(0.16429517522305448)
    labels, by_name = asah()
    corrected = [pair.p_holm for pair in all_pairs(labels, by_name)]
    assert [pair["p_holm"] for pair in told["pairs"]] == pytest.approx(corrected)


def test_for_people_all_models_and_who_is_better(verb, hemorrhages):
    status, said, _ = verb("auc", hemorrhages, "--column", "y_score", "--column", "wfns")
    assert status == 0
    assert re.search(r"wfns +0\.824 +95% 0\.\d+ to 0\.\d+", said)
    assert "41 positive, 72 negative" in said
    assert "wfns is better" in said


def test_rows_of_subjects_and_a_hint_where_they_are_not_used(verb, answer, file):
    rows = "".join(f"{at % 2},{at * 7 % 13},s{at // 4}\n" for at in range(24))
    path = file("y_true,y_score,subject\n" + rows)
    told = answer(path, "--groups", "subject")
    assert told["subjects"] == 6
    assert told.keys() > FIGURES
    alone = answer(path)
    assert (told["naive_low"], told["naive_high"]) == (alone["auc_low"], alone["auc_high"])
    _, said, error = verb("auc", path)
    assert "subjects" not in said
    assert "--groups subject takes rows of one subject together" in error
    assert "--groups" not in verb("auc", path, "--groups", "subject")[2]


@pytest.mark.parametrize(("side", "words"), [("lower", "90% at least"), ("upper", "90% at most")])
def test_a_bound_on_one_side(side, words, verb, answer, hemorrhages):
    asked = (hemorrhages, "--column", "y_score", "--side", side, "--level", "0.9")
    told = answer(*asked)
    assert told["auc_high" if side == "lower" else "auc_low"] == (1 if side == "lower" else 0)
    end = told["auc_low" if side == "lower" else "auc_high"]
    assert f"{words} {end:.3f}" in verb("auc", *asked)[1]
    both = verb("auc", hemorrhages, "--side", side)[1]
    assert "Differences have bounds on both sides" in both


def test_where_no_other_method_has_a_width_it_says_whose_interval_it_is(verb, file):
    said = verb("auc", file("y_true,y_score\n0,1\n0,2\n1,3\n1,4\n"), "--interval", "delong")[1]
    assert "(newcombe)" in said
    assert "At an AUC of 1 no other method finds a width" in said


def test_scores_that_run_the_wrong_way_are_reported_as_they_are_with_a_hint(verb, file):
    status, said, error = verb("auc", file("y_true,y_score\n0,3\n0,2\n1,2.5\n1,1\n"))
    assert status == 0
    assert said.startswith("AUC=0.250, ")
    assert "the classes may be swapped" in error
    status, said, error = verb("auc", file(GOOD), "--json")
    assert "swapped" not in error
    assert swapped(0.5) == ""
    assert "those of cat: if they are meant for dog" in swapped(0.49, "cat", "dog")


# --- few rows, and many of one score --------------------------------------------------------------

FEW = {
    "one of each": "0,0.1\n1,0.9\n",
    "one of each, swapped": "0,0.9\n1,0.1\n",
    "one of each, tied": "0,0.5\n1,0.5\n",
    "one positive": "0,0.1\n0,0.5\n0,0.3\n1,0.4\n",
    "one negative": "1,0.1\n1,0.5\n1,0.3\n0,0.4\n",
    "one positive above all": "0,0.1\n0,0.5\n0,0.3\n1,0.6\n",
    "told apart": "0,0.1\n0,0.2\n1,0.3\n1,0.4\n",
    "all tied": "0,1\n0,1\n1,1\n1,1\n1,1\n",
    "far apart": "0,-1e308\n1,1e308\n0,5e-324\n1,0\n",
}


@pytest.mark.parametrize("rows", FEW)
@pytest.mark.parametrize("method", INTERVALS)
def test_few_rows_have_an_interval_with_a_width_inside_0_to_1(rows, method, answer, file):
    told = answer(file("y_true,y_score\n" + FEW[rows]), "--interval", method)
    assert 0 <= told["auc_low"] <= told["auc"] <= told["auc_high"] <= 1
    assert told["auc_low"] < told["auc_high"]
    assert told["standard_error"] > 0


def test_models_of_few_rows_are_compared_too(answer, file):
    told = answer(file("y_true,y_score,b,c\n0,1,1,2\n1,2,2,1\n"))
    for pair in told["pairs"]:
        assert -1 <= pair["low"] <= pair["difference"] <= pair["high"] <= 1
        assert 0 <= pair["p"] <= pair["p_holm"] <= 1


def test_ties_count_a_half_whatever_their_number(answer, file):
    rng = np.random.default_rng(2)
    labels, scores = rng.integers(0, 2, 3000), rng.integers(0, 3, 3000)
    rows = "".join(f"{y},{s}\n" for y, s in zip(labels, scores, strict=True))
    told = answer(file("y_true,y_score\n" + rows), "--interval", "delong")
    above = np.subtract.outer(scores[labels == 1], scores[labels == 0])
    kernel = np.where(above > 0, 1.0, np.where(above == 0, 0.5, 0.0))
    spread = [np.var(kernel.mean(axis=axis), ddof=1) / kernel.shape[1 - axis] for axis in (0, 1)]
    assert told["auc"] == pytest.approx(kernel.mean(), abs=1e-12)
    assert told["standard_error"] == pytest.approx(np.sqrt(sum(spread)), abs=1e-12)


# --- bad input ------------------------------------------------------------------------------------

BAD_FILES = {
    "a score that is not a number": ("0,1\n1,nan\n", "Line 3 of .*'nan', .* the column y_score"),
    "an infinite score": ("0,1\n1,inf\n", "Line 3 of .*'inf'.* not a finite number"),
    "text in a score column": ("0,1\n1,high\n", "Line 3 of .*'high', .* the column y_score"),
    "an empty score": ("0,1\n1,\n", "Line 3 of .*''"),
    "one class": ("1,1\n1,2\n", "only class 1"),
    "a label that is not 0 or 1": ("0,1\n2,1\n", "Line 3 of .* label '2' in the column y_true"),
    "a label that is a word": ("cat,1\ndog,1\n", "Line 2 of .* label 'cat'"),
    "an empty label": (",1\n1,1\n", "Line 2 of .* label ''"),
    "a row without its score": ("0,1\n1\n", "Line 3 of .* has 1 cell"),
    "a row with too many cells": ("0,1\n1,2,3\n", "Line 3 of .* has 3 cells"),
    "no rows": ("", "empty below its header"),
}


@pytest.mark.parametrize("what", BAD_FILES)
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_bad_file_ends_in_one_sentence_and_status_2(what, option, verb, file):
    rows, says = BAD_FILES[what]
    status, said, error = verb("auc", file("y_true,y_score\n" + rows), *option)
    assert (status, said) == (2, "")
    assert SENTENCE.fullmatch(error), error
    assert re.search(says, error), error


BAD_LINES = {
    "no y_true": ("y,y_score\n0,1\n", [], "Line 1 of .* no column y_true"),
    "no y_score": ("y_true,y\n0,1\n", [], "Line 1 of .* no column y_score, but y_true, y;"),
    "semicolons": ("y_true;y_score\n0;1\n", [], "Line 1 of .* semicolons"),
    "decimal commas": ('y_true,y_score\n0,"0,5"\n', [], "Line 2 of .* decimals with a point"),
    "weights": ("y_true,y_score,weight\n0,1,-1\n1,2,1\n", [], "column weight, .*not be weighted"),
    "text in a further column": ("y_true,y_score,b\n0,1,2\n1,2,two\n", [], "Line 3 .*column b"),
    "a column that is not there": (GOOD, ["--column", "b"], "no column b, but y_true, y_score;"),
    "subjects that are not there": (GOOD, ["--groups", "who"], "no column who, but y_true"),
    "a row without a subject": ("y_true,y_score,who\n0,1,a\n1,2,\n", ["--groups", "who"],
                                "Line 3 of .* no subject in the column who"),
    "one subject": ("y_true,y_score,who\n0,1,a\n1,2,a\n", ["--groups", "who"], "one subject"),
    "a level of 0": (GOOD, ["--level", "0"], "level of 0 is not possible"),
    "a level of 1": (GOOD, ["--level", "1"], "level of 1 is not possible"),
    "a level in percent": (GOOD, ["--level", "95"], "level of 95 is not possible.* as 0.95"),
    "a level that is not a number": (GOOD, ["--level", "nan"], "level of nan is not possible"),
    "a level below zero": (GOOD, ["--level=-0.5"], "level of -0.5 is not possible"),
    "a side that there is not": (GOOD, ["--side", "left"], "no side 'left'"),
    "one side at a half": (GOOD, ["--side", "lower", "--level", "0.5"], "above 0.5"),
    "a method that there is not": (GOOD, ["--interval", "wald"], "no interval method 'wald'"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_LINES)
def test_a_bad_line_ends_in_one_sentence_and_status_2(what, verb, file):
    text, options, says = BAD_LINES[what]
    status, said, error = verb("auc", file(text), *options)
    assert (status, said) == (2, "")
    assert SENTENCE.fullmatch(error), error
    assert re.search(says, error), error


def test_weights_that_are_not_asked_for_may_stand_in_the_file(answer, file):
    path = file("y_true,y_score,weight\n0,1,-1\n1,2,1\n")
    assert answer(path, "--column", "y_score")["auc"] == 1


def test_a_byte_order_mark_is_no_part_of_a_name(answer, file):
    assert answer(file(GOOD, "utf-8-sig"))["auc"] == 0.75


def test_a_run_whose_scores_run_the_wrong_way_is_hinted_at(verb, ready, use_workspace, judged_run):
    use_workspace(ready.path)
    run = judged_run(ready, "drawn", skill=-1)
    status, said, error = verb("evaluate", run.id)
    assert status == 0
    assert re.search(r"AUC=0\.[0-4]", said)
    assert "those of cat: if they are meant for dog, the classes may be swapped" in error
