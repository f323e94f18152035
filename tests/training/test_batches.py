"""Batches: every training picture once an epoch, in an order set by the seed, as uint8."""

import re
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from engine.data.decode import resize
from engine.training.batches import SHIFT, Batches, augmented, cropped


def all_of(batches: Batches) -> tuple[np.ndarray, np.ndarray]:
    parts = [batches[at] for at in range(len(batches))]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def make(task, **options):
    return Batches(task, task.indices("train"), 32, 50, **options)


def test_pixels_travel_as_uint8_and_labels_as_a_column(task):
    images, labels = make(task, shuffled_by=1)[0]
    assert (images.shape, images.dtype) == ((50, 32, 32, 3), np.uint8)
    assert (labels.shape, labels.dtype) == ((50, 1), np.float32)


def test_every_training_picture_comes_once_an_epoch_with_its_own_label(task):
    batches = make(task, shuffled_by=1)
    rows = task.indices("train")
    expected = sorted(
        (resize(task.images[row], 32).tobytes(), int(task.labels[row])) for row in rows
    )
    for _ in range(2):
        images, labels = all_of(batches)
        found = sorted((i.tobytes(), int(y)) for i, y in zip(images, labels[:, 0], strict=True))
        assert found == expected
        batches.on_epoch_end()


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(task):
    one, two, other = (make(task, shuffled_by=s, augment=True) for s in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(all_of(one), all_of(two), strict=True))
    assert (all_of(one)[0] != all_of(other)[0]).any()


def test_every_epoch_has_an_order_of_its_own(task):
    batches = make(task, shuffled_by=1)
    before = all_of(batches)[0]
    batches.on_epoch_end()
    assert (all_of(batches)[0] != before).any()


def test_every_epoch_augments_a_picture_in_another_way(task):
    batches = make(task, shuffled_by=1, augment=True)
    order, first = batches.order, batches[0][0]
    batches.on_epoch_end()
    batches.order = order  # the same pictures in the same places
    assert (batches[0][1] == make(task, shuffled_by=1)[0][1]).all()
    changed = (batches[0][0] != first).any(axis=(1, 2, 3))
    assert changed.mean() > 0.5


def test_every_batch_augments_in_another_way(task):
    batches = make(task, shuffled_by=1, augment=True)
    batches.order = np.concatenate([batches.order[:50], batches.order[:50]])
    assert (batches[0][0] != batches[1][0]).any(axis=(1, 2, 3)).mean() > 0.5


def test_without_a_seed_the_order_is_the_dataset_s(task):
    rows = task.indices("validation")
    labels = all_of(Batches(task, rows, 32, 7))[1]
    assert (labels[:, 0] == task.labels[rows]).all()


def test_keras_takes_every_batch_once_and_in_the_order_of_the_seed(task):
    """What `fit` really sees, epoch by epoch, whatever Keras prefetches."""

    class Watched(Batches):
        def __getitem__(self, at):
            seen.append((self.epoch, at))
            return super().__getitem__(at)

    seen = []
    batches = Watched(task, task.indices("train"), 32, 50, shuffled_by=1)
    pixels = keras.Input((32, 32, 3))
    flat = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, keras.layers.Dense(1, activation="sigmoid")(flat))
    model.compile("sgd", "binary_crossentropy")
    model.fit(batches, epochs=3, shuffle=False, verbose=0)
    # before the first epoch Keras looks at two, to learn their shapes, and counts that as an epoch
    assert seen == [(0, 0), (0, 1)] + [(epoch, at) for epoch in (1, 2, 3) for at in range(4)]


def test_augmentation_only_mirrors_and_shifts():
    """Each result is found again among all mirrored and shifted windows of the padded picture."""
    rng = np.random.default_rng(4)
    images = rng.integers(0, 256, (60, 25, 25, 3), np.uint8)
    most = round(SHIFT * 25)
    found = set()
    for before, after in zip(images, augmented(images, np.random.default_rng(1)), strict=True):
        padded = np.pad(before, ((most, most), (most, most), (0, 0)), mode="reflect")
        windows = {
            (row, column, mirrored): padded[row : row + 25, column : column + 25][:, ::step]
            for row in range(2 * most + 1)
            for column in range(2 * most + 1)
            for mirrored, step in ((False, 1), (True, -1))
        }
        places = [place for place, window in windows.items() if (window == after).all()]
        assert len(places) == 1
        found.add(places[0])
    everywhere = set(range(2 * most + 1))  # up to 8% of a side in each of the four directions
    assert {row for row, _, _ in found} == {column for _, column, _ in found} == everywhere
    assert {mirrored for _, _, mirrored in found} == {True, False}
    assert len(found) > 25


def gradient(n: int) -> np.ndarray:
    """Pictures of 60 pixels: red tells the row, green the column, four steps a pixel."""
    rows, columns = np.meshgrid(np.arange(60), np.arange(60), indexing="ij")
    one = np.stack([4 * rows, 4 * columns, 0 * rows], axis=-1).astype(np.uint8)
    return np.repeat(one[None], n, axis=0)


def test_crops_are_parts_of_every_place_and_size_down_to_the_smallest():
    rng = np.random.default_rng(5)
    found = cropped(gradient(400), rng, 30, 0.3, np.zeros(400, bool)).astype(float)
    rows, columns = found[..., 0].mean(axis=2) / 4, found[..., 1].mean(axis=1) / 4
    # from the middle of the first to that of the last of 30 pixels is 29/30 of the crop
    heights, widths = (
        (axis[:, -1] - axis[:, 0]) * 30 / 29 for axis in (rows, columns)
    )
    areas, ratios = heights * widths / 3600, widths / heights
    assert 0.27 < areas.min() < 0.35
    assert 0.9 < areas.max() <= 1.02
    assert areas.mean() == pytest.approx(0.65, abs=0.04)
    assert 0.72 < ratios.min() < 0.8
    assert 1.25 < ratios.max() < 1.38
    assert rows[:, 0].min() < 2
    assert rows[:, -1].max() > 57
    assert columns[:, 0].min() < 2
    assert columns[:, -1].max() > 57


def test_a_mirrored_crop_is_the_same_part_from_right_to_left():
    mirrored = np.arange(20) % 2 == 1
    one, other = (
        cropped(gradient(20), np.random.default_rng(5), 30, 0.3, which)
        for which in (np.zeros(20, bool), mirrored)
    )
    assert (other[~mirrored] == one[~mirrored]).all()
    assert (other[mirrored] == one[mirrored][:, :, ::-1]).all()


def test_a_picture_that_is_cropped_is_mirrored_in_every_other_epoch(task):
    """And some of them in the first, others in the second."""
    stripes = np.zeros((192, 64, 64, 3), np.uint8)
    stripes[:, :, :, 0] = 3 * np.arange(64)
    rows = np.arange(192)
    striped = SimpleNamespace(images=stripes, labels=0 * rows, indices=lambda part: rows)
    batches = make(striped, shuffled_by=1, augment=True, crop=0.3)
    seen = []
    for _ in range(4):
        images = all_of(batches)[0].astype(int)
        rises = images[:, 16, -1, 0] > images[:, 16, 0, 0]
        seen.append(rises[np.argsort(batches.order)])
        batches.on_epoch_end()
    assert (seen[0] == seen[2]).all()
    assert (seen[0] != seen[1]).all()
    assert (seen[1] == seen[3]).all()
    assert 0.35 < seen[0].mean() < 0.65


def test_every_epoch_crops_a_picture_in_another_way_and_the_same_seed_in_the_same(task):
    options = {"shuffled_by": 1, "augment": True, "crop": 0.5}
    one, two = make(task, **options), make(task, **options)
    first = all_of(one)[0]
    assert (first == all_of(two)[0]).all()
    order = one.order
    for _ in range(2):
        one.on_epoch_end()
    one.order = order  # the same pictures in the same places, mirrored alike
    assert (all_of(one)[0] != first).any(axis=(1, 2, 3)).all()


def test_pictures_of_growing_size_reach_a_network_that_is_traced_once(task):
    sizes, traced = [], []

    class Watched(Batches):
        def __getitem__(self, at):
            images, labels = super().__getitem__(at)
            if self.begun:
                sizes.append(images.shape[1])
            return images, labels

    grow = [32, 48, 56].__getitem__
    batches = Watched(task, task.indices("train"), 64, 50, shuffled_by=1, size_at=grow)
    pixels = keras.Input((64, 64, 3))
    maps = keras.layers.Conv2D(2, 3, strides=2)(keras.layers.Rescaling(1 / 255)(pixels))
    flat = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(pixels, keras.layers.Dense(1, activation="sigmoid")(flat))
    call = model.call
    model.call = lambda *inputs, **options: traced.append(1) or call(*inputs, **options)
    model.compile("sgd", "binary_crossentropy")
    model.fit(batches, epochs=3, shuffle=False, verbose=0)
    assert sizes == [32] * 4 + [48] * 4 + [56] * 4
    assert len(traced) == 1


def test_the_size_does_not_grow_where_all_pictures_are_one_batch(task):
    """Keras looks at one batch then and takes its shape for every other's."""
    rows = task.indices("train")[:20]
    batches = Batches(task, rows, 64, 50, shuffled_by=1, size_at=lambda epoch: 32)
    assert batches[0][0].shape[1] == 64
    batches.on_epoch_end()
    assert batches[0][0].shape[1] == 64


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells of each file")
def test_pictures_that_were_read_do_not_stay_in_the_memory_of_the_process(task):
    """In the end it would be the whole dataset."""
    all_of(make(task, shuffled_by=1))
    told = Path("/proc/self/smaps").read_text()
    of_file = told.partition(str(task.dataset.folder / "images.npy"))[2]
    assert re.search(r"^Rss: +(\d+) kB", of_file, re.M)[1] == "0"
