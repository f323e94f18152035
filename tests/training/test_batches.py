"""Batches: every training picture once an epoch, in an order set by the seed, as uint8."""

import keras
import numpy as np

from engine.data.decode import resize
from engine.training.batches import SHIFT, Batches, augmented


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
