"""Two classes are what they were before there could be more: stored figures, split and networks."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from engine.commands import compare
from engine.commands.prepare import prepare
from engine.data.dataset import open_dataset
from engine.runs import store
from engine.workspace import Workspace

STORED = Path(__file__).resolve().parents[1] / "fixtures" / "workspace-2.tar.xz"


@pytest.fixture(scope="module")
def second_version(tmp_path_factory) -> Workspace:
    """A workspace that the version with two classes only wrote: the datasets "drawn" and "noise",
    the judged run "quick-1", and in told.json what its command line said of them."""
    place = tmp_path_factory.mktemp("second")
    with tarfile.open(STORED) as archive:
        archive.extractall(place, filter="data")
    return Workspace(place / "workspace")


@pytest.fixture
def told(second_version) -> dict:
    return json.loads((second_version.path / "told.json").read_text())


@pytest.fixture
def said_now(second_version, use_workspace, verb):
    use_workspace(second_version.path)

    def said(line: str):
        status, out, err = verb(*line.split(), "--json")
        assert status == 0, err
        return json.loads(out)

    return said


def test_its_figures_are_unchanged_to_the_twelfth_digit(told, said_now):
    for line in told:
        if line.startswith("evaluate"):
            asked = line if "--interval" in line else f"{line} --interval hanley-mcneil"
            now, before = said_now(asked), told[line]
            if before["interval"] == "newcombe":
                del before["standard_error"]  # it was Hanley & McNeil's, whatever the method
            for name, was in before.items():
                same = pytest.approx(was, rel=1e-12) if isinstance(was, float) else was
                assert now[name] == same, name


@pytest.mark.parametrize("line", ["runs", "datasets"])
def test_everything_that_was_listed_of_it_still_is(line, told, said_now):
    for before, now in zip(told[line], said_now(line), strict=True):
        assert {name: now[name] for name in before} == before


def test_the_same_pictures_give_the_same_dataset_and_split(second_version, two_classes, tmp_path):
    now = Workspace(tmp_path / "now")
    prepare(now, "drawn", "drawn", image_size=32, count=120)
    prepare(now, str(two_classes(tmp_path / "noise")), "noise", image_size=32)
    for name in ("drawn", "noise"):
        before, again = open_dataset(second_version, name), open_dataset(now, name)
        assert (again.fingerprint, again.split_id) == (before.fingerprint, before.split_id)
        assert again.counts == before.counts
        assert again.file_names == before.file_names
        assert (again.part_of == before.part_of).all()
        assert (again.labels == before.labels).all()


def test_its_weights_give_the_scores_that_it_stored(second_version):
    from engine import inference

    run, dataset = store.open_run(second_version, "quick-1"), open_dataset(second_version, "drawn")
    predicted = store.predictions(run, "test")
    loaded = inference.load(run)
    assert loaded.model.output_shape == (None, 1)
    rows = compare.rows(run, predicted, dataset)
    logit = inference.logits(loaded.model, dataset.images, rows)
    np.testing.assert_allclose(logit, predicted["logit"], atol=1e-4)
    np.testing.assert_allclose(inference.probabilities(logit), predicted["y_score"], atol=1e-5)
