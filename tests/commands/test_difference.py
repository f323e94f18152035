"""Whether one run is better than another: on which pictures, and when nobody may say so."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from engine import identity, records
from engine.commands import difference
from engine.data import dataset as datasets
from engine.data.dataset import PARTS, Dataset, list_datasets
from engine.errors import RunError
from engine.evaluation.compare import paired, unpaired
from engine.runs import outcome, store
from engine.workspace import Workspace
from tests.evaluation.asah import asah

TRAIN, TEST = range(1000, 1080), range(80)


@pytest.fixture
def place(tmp_path, use_workspace) -> Workspace:
    return Workspace(use_workspace(tmp_path / "workspace"))


def written(
    place: Workspace, name: str, test, train=TRAIN, size: int = 32, of_each: int = 0
) -> Dataset:
    """A dataset of pictures by their numbers, by hand: even ones are cats, odd ones dogs, and a
    number is the same picture in each dataset.

    Args:
        of_each: pictures of each subject; 0 where no subjects are known.
    """
    numbers, validation = [*train, *range(2000, 2008), *test], 8
    part_of = np.repeat(np.arange(3), [len(train), validation, len(test)]).astype(np.uint8)
    labels = np.array(numbers) % 2
    images = np.stack([np.random.default_rng(n).integers(0, 256, (size, size, 3), np.uint8)
                       for n in numbers])  # fmt: skip
    pictures = np.array([identity.of_picture(one) for one in images])
    groups = [f"s{n // 2 // of_each}" if of_each else "" for n in numbers]
    folder, names = place.datasets / name, ("cat", "dog")
    folder.mkdir(parents=True)
    for file, array in (("images", images), ("labels", labels.astype(np.uint8)),
                        ("split", part_of), ("pictures", pictures.astype("S64"))):  # fmt: skip
        np.save(folder / f"{file}.npy", array)
    with (folder / datasets.TABLE).open("w", newline="") as file:
        csv.writer(file).writerows([datasets.COLUMNS, *(
            (f"{n}.png", names[n % 2], group, PARTS[part])
            for n, group, part in zip(numbers, groups, part_of, strict=True)
        )])  # fmt: skip
    (folder / "refused.csv").write_text("file,reason\n")
    judged = part_of == PARTS.index("test")
    made = Dataset(
        folder=folder, name=name, class_names=names, image_size=size, seed=1,
        fingerprint=identity.of_pictures(pictures, labels, names, np.array(groups)),
        split_id=identity.of_pictures(pictures[judged], labels[judged], names),
        source="noise", created=store.now(), candidates=len(labels), refused=0,
        counts={part: tuple(np.bincount(labels[part_of == at]).tolist())
                for at, part in enumerate(PARTS)},
        subjects=len(set(groups)) if of_each else 0, grouped_by="groups.csv" if of_each else "",
    )  # fmt: skip
    records.write(folder / "dataset.json", datasets.KIND, made)
    return made


def between(place: Workspace, a, b, **options):
    return difference.of_runs(a, b, list_datasets(place), **options)


# --- on the same pictures -------------------------------------------------------------------------


def test_two_runs_are_paired_by_picture_in_whatever_order_they_stored(place, judged_run):
    written(place, "pets", TEST)
    a, b = judged_run(place, "pets", skill=0.6), judged_run(place, "pets", seed=2, skill=0.3)
    found = between(place, a, b)
    assert found.paired
    assert found.difference == pytest.approx(a.figures["auc"] - b.figures["auc"])
    assert found.low < found.difference < found.high
    told = {part: store.predictions(b, part) for part in outcome.PARTS}
    order = np.random.default_rng(3).permutation(len(TEST))
    told["test"] = {name: column[order] for name, column in told["test"].items()}
    outcome.write_predictions(b.folder, told)
    assert between(place, a, b) == found
    shutil.rmtree(place.datasets / "pets")
    assert between(place, a, b) == found  # the record says that the pictures are the same


def test_copies_of_a_picture_count_as_often_as_both_were_judged_on_them(place, judged_run):
    written(place, "pets", [*TEST, 0, 0, 1])
    assert between(place, *(judged_run(place, "pets", seed=s) for s in (1, 2))).n == 83


def test_only_pictures_that_both_have_in_their_test_parts_count(place, judged_run):
    written(place, "pets", range(80)), written(place, "more", range(40, 140))
    a, b = judged_run(place, "pets"), judged_run(place, "more", seed=2)
    found = between(place, a, b)
    assert found.paired
    assert (found.n, found.n_positive) == (40, 20)
    of_a, of_b = (
        dict(zip(told["picture"], zip(told["y_true"], told["y_score"], strict=True), strict=True))
        for told in (store.predictions(run, "test") for run in (a, b))
    )
    shared = sorted(of_a.keys() & of_b.keys())
    labels, first = zip(*(of_a[key] for key in shared), strict=True)
    expected = paired(labels, first, [of_b[key][1] for key in shared])
    assert (found.difference, found.p) == pytest.approx((expected.difference, expected.p))


def test_pictures_of_one_subject_widen_the_interval_or_narrow_it_but_are_not_overlooked(
    place, judged_run
):
    written(place, "pets", TEST, of_each=4)
    a, b = (
        store.save(judged_run(place, "pets", seed=seed), subjects={"test": 10}) for seed in (1, 2)
    )
    found = between(place, a, b)
    assert found.subjects == 10
    told = [store.predictions(run, "test") for run in (a, b)]
    naive = paired(told[0]["y_true"], *(one["y_score"] for one in told))
    assert found.naive == pytest.approx((naive.low, naive.high))


# --- on pictures of their own ---------------------------------------------------------------------


def test_runs_on_other_pictures_get_the_unpaired_test(place, judged_run):
    written(place, "pets", TEST), written(place, "others", range(100, 200), range(3000, 3020))
    a, b = judged_run(place, "pets"), judged_run(place, "others", seed=2)
    found = between(place, a, b)
    assert not found.paired
    assert found.n == 180
    told = [store.predictions(run, "test") for run in (a, b)]
    expected = unpaired(*(one[name] for one in told for name in ("y_true", "y_score")))
    assert found.p == pytest.approx(expected.p)


def test_a_run_that_learnt_from_the_other_s_test_pictures_is_not_compared_with_it(
    place, judged_run
):
    """Two splits of one set: a comparison would flatter one of them."""
    written(place, "pets", TEST), written(place, "again", range(1000, 1040), range(12))
    a, b = judged_run(place, "pets"), judged_run(place, "again", seed=2)
    with pytest.raises(RunError, match=r"^40 of the test pictures of 'quick-2' were used to train "
                       r"'quick-1'\. A comparison would flatter it, so none is made"):  # fmt: skip
        between(place, a, b)
    shutil.rmtree(place.datasets / "pets")
    with pytest.raises(RunError, match="dataset that 'quick-1' learnt from is gone, so nobody"):
        between(place, a, b)


def test_a_copy_that_one_learnt_from_spoils_the_shared_pictures(place, judged_run):
    written(place, "pets", TEST), written(place, "more", range(60), [*TRAIN, 4, 5, 6])
    a, b = judged_run(place, "pets"), judged_run(place, "more")
    with pytest.raises(RunError, match=r"^3 of the test pictures of 'quick-1' were used to train "):
        between(place, a, b)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"test": range(75, 155)}, "share 5 test pictures, too few to compare"),
        ({"test": TEST, "size": 40}, r"stored in other ways \(32 px, stretch; 40 px, stretch\)"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(place, judged_run, changed, says):
    written(place, "pets", TEST), written(place, "other", **changed)
    with pytest.raises(RunError, match=says):
        between(place, judged_run(place, "pets"), judged_run(place, "other"))


def test_records_that_do_not_fit_are_not_believed(place, judged_run):
    written(place, "pets", TEST), written(place, "more", range(40, 140))
    a, b = judged_run(place, "pets"), judged_run(place, "more")
    for changed, says in (
        ({"split_id": a.split_id}, "are not of the same pictures, though"),
        ({"split_id": ""}, "may have been judged on other test pictures"),
        ({"class_names": ("dog", "cat")}, "tells dog from cat and 'quick-2' cat from dog"),
    ):
        with pytest.raises(RunError, match=says):
            between(place, a, replace(b, **changed))
    with pytest.raises(RunError, match="cannot be compared with itself"):
        between(place, a, a)


def test_runs_of_many_classes_are_compared_by_one_class(tmp_path, add_many):
    place, names = Workspace(tmp_path), ("cat", "dog", "fox")
    first = add_many(tmp_path, names)
    told = {part: store.predictions(first, part) for part in outcome.PARTS}
    again = store.create(place, "quick", **{
        name: getattr(first, name) for name in (
            "dataset", "dataset_fingerprint", "split_id", "dataset_image_size", "class_names",
            "image_size", "config",
        )
    })  # fmt: skip
    told["test"]["y_score"] = told["test"]["y_score"] ** 0.5
    told["test"]["y_score"][0] = 1 / 3
    outcome.write_predictions(again.folder, told)
    again = store.save(again, status="finished", figures=first.figures)
    with pytest.raises(RunError, match=r"two mean AUCs is not tested; compare them by one class"):
        between(place, first, again)
    found = between(place, first, again, target="DOG")
    of_first = store.predictions(first, "test")
    expected = paired(
        of_first["y_true"] == 1, of_first["y_score"][:, 1], told["test"]["y_score"][:, 1]
    )
    assert found.difference == pytest.approx(expected.difference)
    assert found.n_positive == 9


# --- on the command line --------------------------------------------------------------------------

KEYS = {"a", "b", "value", "auc_a", "auc_b", "difference", "low", "high", "standard_error", "z",
        "p", "paired", "method", "n", "n_positive", "n_negative"}  # fmt: skip


def test_comparing_two_runs_prints_the_difference_with_its_interval_and_test(
    place, judged_run, verb
):
    written(place, "pets", TEST)
    judged_run(place, "pets", skill=0.6), judged_run(place, "pets", seed=2, skill=0.1)
    status, out, err = verb("compare", "quick-1", "quick-2", "--json")
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert told.keys() > KEYS
    assert told["value"] == told["difference"] == pytest.approx(told["auc_a"] - told["auc_b"])
    assert (told["paired"], told["method"], told["n"]) == (True, "delong", 80)
    _, out, err = verb("compare", "quick-1", "quick-2", "--level", "0.9")
    line = out.splitlines()[1]
    assert line.startswith(f"difference {told['value']:+.3f}, 90% ")
    assert "(DeLong, paired), z = " in line
    assert "quick-1 is better: the interval leaves out 0" in out
    assert err == ""
    status, out, err = verb("compare", "quick-1", "quick-9")
    assert (status, out) == (2, "")
    assert err.startswith("The run 'quick-9' does not exist")


def test_comparing_many_runs_tests_each_two_with_holm_s_correction(place, judged_run, verb):
    written(place, "pets", TEST), written(place, "other", TEST, size=40)
    for seed, skill in ((1, 0.9), (2, 0.3), (3, 0.3)):
        judged_run(place, "pets", seed=seed, skill=skill)
    judged_run(place, "other")
    names = [f"quick-{n}" for n in (1, 2, 3, 4)]
    status, out, _ = verb("compare", *names, "--json")
    told = json.loads(out)
    assert status == 0
    assert [(one["a"][-1], one["b"][-1]) for one in told["pairs"]] == [
        ("1", "2"), ("1", "3"), ("2", "3")
    ]  # fmt: skip
    assert all(one.keys() > KEYS and one["p_holm"] >= one["p"] for one in told["pairs"])
    assert [one["b"] for one in told["refused"]] == ["quick-4"] * 3
    assert "stored in other ways" in told["refused"][0]["why"]
    _, out, err = verb("compare", *names)
    assert "quick-1 is better" in out
    assert "not told apart" in out
    assert err.count("stored in other ways") == 3


def test_of_many_runs_one_that_cannot_be_read_is_left_out_and_none_is_an_error(
    place, judged_run, verb
):
    written(place, "pets", TEST)
    runs = [judged_run(place, "pets", seed=seed) for seed in (1, 2, 3)]
    (runs[2].folder / "predictions.npz").write_bytes(b"no")
    told = json.loads(verb("compare", "quick-1", "quick-2", "quick-3", "--json")[1])
    assert len(told["pairs"]) == 1
    assert "predictions.npz is damaged" in told["refused"][0]["why"]
    (runs[1].folder / "predictions.npz").write_bytes(b"no")
    status, out, err = verb("compare", "quick-1", "quick-2", "quick-3", "--json")
    assert (status, out) == (2, "")
    assert "predictions.npz is damaged" in err


def files(tmp_path, **columns) -> list[str]:
    """A CSV file for each name, of (labels, scores)."""
    for name, (labels, scores) in columns.items():
        told = enumerate(zip(labels, scores, strict=True))
        rows = (f"{y},{float(score)!r},p{at // 2}" for at, (y, score) in told)
        (tmp_path / f"{name}.csv").write_text("\n".join(("y_true,y_score,patient", *rows)))
    return [str(tmp_path / f"{name}.csv") for name in columns]


def test_two_files_with_the_same_labels_are_paired_and_agree_with_proc(tmp_path, verb):
    labels, of = asah()
    a, b = files(tmp_path, a=(labels, of["s100b"]), b=(labels, of["ndka"]))
    status, out, _ = verb("compare", a, b, "--json")
    told = json.loads(out)
    assert (status, told["paired"], told["n"]) == (0, True, 113)
    assert told["z"] == pytest.approx(1.3907700257355771, rel=1e-12)  # roc.test(paired=TRUE)
    assert told["p"] == pytest.approx(0.16429517522305448, rel=1e-12)
    _, out, _ = verb("compare", a, b, "--unpaired", "--json")
    told = json.loads(out)
    assert (told["paired"], told["n"]) == (False, 226)
    assert told["p"] == pytest.approx(0.12019283243084519, rel=1e-12)  # roc.test(paired=FALSE)
    _, out, _ = verb("compare", a, b, "--side", "lower", "--json")
    assert json.loads(out)["p"] == pytest.approx(0.08214758761152724, rel=1e-12)
    _, out, _ = verb("compare", a, b, "--groups", "patient")
    assert "57 subjects, 113 pictures: taken for independent, the interval would be -0.049" in out
    for method in ("mover", "bootstrap"):
        _, out, _ = verb("compare", a, b, "--method", method, "--json")
        assert json.loads(out)["method"] == method


def test_two_files_with_other_labels_are_not_paired(tmp_path, verb):
    labels, of = asah()
    a, b = files(tmp_path, a=(labels, of["s100b"]), b=(labels[:100], of["ndka"][:100]))
    _, out, _ = verb("compare", a, b)
    assert "(DeLong, unpaired), t = " in out
    assert "each was judged on pictures of its own" in out


def test_where_an_interval_is_known_to_be_too_narrow_it_is_said(tmp_path, verb):
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 30)
    scores = [labels * by + rng.normal(size=60) for by in (3.2, 1.5)]
    paths = files(tmp_path, a=(labels, scores[0]), b=(labels, scores[1]))
    _, _, err = verb("compare", *paths)
    assert "With fewer than 100 of a class and an AUC above 0.97" in err
    assert verb("compare", *paths, "--method", "mover")[2] == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["quick-1"], "One alone cannot be compared"),
        (["quick-1", "quick-1"], "'quick-1' cannot be compared with itself"),
        (["quick-1", "b.csv"], "A run and a file of scores cannot be compared"),
        (["quick-1", "quick-2", "--groups", "x"], "--groups and --unpaired are of files"),
        (["a.csv", "b.csv", "--class", "dog"], "--class is of runs"),
        (["a.csv", "b.csv"], "There is no file a.csv"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_in_a_sentence(empty_workspace, verb, line, says):
    status, out, err = verb("compare", *line)
    assert (status, out) == (2, "")
    assert err.startswith(says)


@pytest.mark.parametrize(
    ("option", "says"),
    [("--method delongg", "There is no method 'delongg'"),
     ("--level 95", "A confidence level of 95 is not possible"),
     ("--side left", "There is no side 'left'")],
)  # fmt: skip
def test_an_option_that_there_is_not_is_refused(tmp_path, verb, option, says):
    labels, of = asah()
    paths = files(tmp_path, a=(labels, of["s100b"]), b=(labels, of["ndka"]))
    status, _, err = verb("compare", *paths, *option.split())
    assert status == 2
    assert err.startswith(says)
