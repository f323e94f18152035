"""Features are computed once, kept chunk by chunk, and never taken for whole when they are not."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from engine.data import features
from engine.data.dataset import open_dataset
from engine.data.features import Wanted
from engine.workspace import Workspace


@pytest.fixture
def wanted(tmp_path, add_many, monkeypatch) -> Wanted:
    """The 40 test pictures of a dataset of noise, in chunks of 16 and batches of 4."""
    add_many(tmp_path, ("cat", "dog"), counts=(20, 20))
    monkeypatch.setattr(features, "CHUNK", 16)
    monkeypatch.setattr(features, "BATCH", 4)
    return Wanted(open_dataset(Workspace(tmp_path), "zoo"), "test", "some-key", 16)


class Passes:
    """A backbone that gives the mean colour, and counts the pictures that it saw."""

    def __init__(self):
        self.seen = 0

    def __call__(self, batches):
        for batch in batches:
            self.seen += len(batch)
            yield batch.mean(axis=(1, 2))


def go_on() -> bool:
    return False


def made(wanted: Wanted, report=lambda *_: None, should_stop=go_on) -> int:
    passes = Passes()
    features.compute(wanted, passes, report, should_stop)
    return passes.seen


def test_each_row_has_its_own_picture_s_features(wanted):
    assert wanted.missing() == 40
    assert made(wanted) == 40
    assert wanted.missing() == 0
    rows = wanted.dataset.indices("test")[[31, 2, 17]]
    expected = wanted.dataset.images[rows].astype(np.float32).mean(axis=(1, 2))
    assert np.allclose(features.read([wanted], rows), expected)


def test_what_is_stored_is_not_computed_again(wanted):
    made(wanted)
    assert made(wanted) == 0


def test_a_stop_keeps_the_chunks_that_are_whole_and_the_next_goes_on(wanted, listing):
    heard = iter([False] * 5 + [True])
    assert made(wanted, should_stop=lambda: next(heard)) < 40
    folder = wanted.dataset.folder / "features" / "some-key"
    assert [name.rpartition("-")[0] for name in listing(folder)] == ["test-0000"]
    assert made(wanted) == 24


@pytest.mark.parametrize("damage", [b"", b"not an array", None])
def test_a_damaged_chunk_is_made_again(wanted, damage):
    made(wanted)
    path = wanted.chunks[1][0]
    if damage is None:
        np.save(path, np.zeros((3, 3), np.float32))
    else:
        path.write_bytes(damage)
    features.drop_damaged(wanted)
    assert wanted.missing() == 16
    assert made(wanted) == 16


def test_progress_ends_at_what_was_computed_here(wanted):
    told = []
    made(wanted, report=lambda done, speed: told.append((done, speed)))
    assert told[-1][0] == 40
    assert all(speed > 0 for _, speed in told)


def test_what_is_written_after_the_pictures_were_replaced_is_not_taken_for_theirs(
    wanted, tmp_path, add_many
):
    """A process goes on with the arrays that it has open, in a folder that is another dataset's."""
    assert len(wanted.dataset.images) == 84  # open from here on
    assert wanted.missing() == 40
    shutil.rmtree(wanted.dataset.folder)
    add_many(tmp_path, ("cat", "dog"), counts=(20, 20), seed=2)
    now = replace(wanted, dataset=open_dataset(Workspace(tmp_path), "zoo"))
    assert (now.dataset.pictures != wanted.dataset.pictures).any()
    made(wanted)
    assert now.missing() == 40
    assert wanted.missing() == 0


def test_what_killed_writers_left_beside_chunks_is_swept(wanted, tmp_path, listing):
    made(wanted)
    folder = wanted.chunks[0][0].parent
    whole = listing(folder)
    left = folder / ".999999999.test-0003.npy"
    left.touch()
    os.utime(left, (0, 0))
    features.sweep(Workspace(tmp_path))
    assert listing(folder) == whole
