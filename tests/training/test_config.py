"""TrainConfig: bounds that answer in a sentence, and the schedules."""

import json
import math

import pytest

from engine.errors import ConfigError
from engine.models.presets import PRESETS
from engine.training.config import TrainConfig, stored_config, train_config

OUT_OF_BOUNDS = [
    ("image_size", 31), ("image_size", 513), ("epochs", 0), ("epochs", 501), ("batch_size", 1),
    ("batch_size", 1025), ("optimizer", "rmsprop"), ("learning_rate", 0.0),
    ("learning_rate", -1e-3), ("learning_rate", 1.5), ("learning_rate", math.nan),
    ("learning_rate", math.inf), ("schedule", "step"), ("decay", -0.1), ("momentum", 1.0),
    ("l2", -1.0), ("early_stopping", -1), ("precision", "float16"), ("seed", -1),
    ("seed", 2**31), ("epochs", 2.5), ("label_smoothing", 0.6), ("crop", 0.0), ("crop", 1.1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), OUT_OF_BOUNDS)
def test_a_value_out_of_bounds_is_named_in_one_sentence(name, value):
    with pytest.raises(ConfigError) as refused:
        train_config("quick", **{name: value})
    sentence = str(refused.value)
    assert sentence.startswith(f"{name} = {value!r} cannot be used: ")
    assert sentence.endswith("; choose another value.")
    assert "\n" not in sentence


def test_an_unknown_preset_or_hyperparameter():
    with pytest.raises(ConfigError, match="'slow' does not exist; choose one of transfer, quick"):
        train_config("slow")
    with pytest.raises(ConfigError, match=r"dropout = 0\.5 cannot be used"):
        train_config("quick", dropout=0.5)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_within_its_own_bounds_and_survives_the_run_s_folder(preset):
    config = train_config(preset)
    assert TrainConfig(**config.model_dump()) == config


@pytest.mark.parametrize("preset", PRESETS)
def test_a_stored_configuration_is_read_as_it_was_written(preset):
    config = train_config(preset, seed=5, early_stopping=3)
    assert stored_config(json.loads(json.dumps(config.model_dump()))) == config


def test_a_stored_configuration_of_a_newer_version_has_keys_that_we_do_not_know():
    config = train_config("classic")
    assert stored_config(config.model_dump() | {"dropout": 0.5, "warm_up": None}) == config


def test_what_an_older_version_did_not_store_is_the_preset_s():
    stored = train_config("classic", epochs=3).model_dump()
    for name in ("momentum", "augment", "precision"):
        del stored[name]
    assert stored_config(stored) == train_config("classic", epochs=3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer", "lion"), ("preset", "vgg"), ("preset", None), ("preset", ["quick"]),
        ("epochs", "8"), ("epochs", "eight"), ("epochs", True), ("epochs", 0), ("l2", None),
        ("augment", 1), ("seed", 1.5), ("learning_rate", math.nan), ("schedule", {"warm": 3}),
    ],
)  # fmt: skip
def test_a_stored_value_that_cannot_be_read_is_named_in_one_sentence(name, value):
    with pytest.raises(ConfigError) as refused:
        stored_config(train_config("quick").model_dump() | {name: value})
    sentence = str(refused.value)
    assert sentence.startswith(f"The stored configuration has {name} = {value!r}, which cannot be")
    assert "a newer version may have written it" in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("stored", [None, [], "quick", 7])
def test_a_stored_configuration_that_is_no_table(stored):
    with pytest.raises(ConfigError, match=r"The stored configuration is .* newer version"):
        stored_config(stored)


def test_a_stored_configuration_without_a_preset():
    with pytest.raises(ConfigError, match="has preset = None, which cannot be read"):
        stored_config({})


def test_every_hyperparameter_has_words_for_the_page():
    assert all(field.description for field in TrainConfig.model_fields.values())


def test_what_was_not_chosen_is_the_preset_s():
    assert train_config("classic", epochs=None, batch_size=8) == train_config("classic").model_copy(
        update={"batch_size": 8}
    )


def test_classic_s_rate_falls_as_in_the_blog_post():
    config = train_config("classic")
    for epoch in range(20):
        expected = 1e-2 * 10 ** (-0.1 * epoch)
        assert config.rate_at(epoch) == pytest.approx(expected, rel=1e-12)
        assert config.rate_at(epoch + 0.99) == pytest.approx(expected, rel=1e-12)


def test_one_cycle_rises_to_its_peak_and_falls_to_a_hundredth():
    config = train_config("quick", epochs=10, learning_rate=0.01, schedule="one-cycle")
    rates = [config.rate_at(step / 100) for step in range(1001)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == pytest.approx(0.01)
    assert rates.index(max(rates)) == 200  # a fifth of the epochs
    assert rates[:201] == sorted(rates[:201])
    assert rates[200:] == sorted(rates[200:], reverse=True)
    assert rates[-1] == pytest.approx(0.0001)


def test_a_constant_rate():
    config = train_config("quick", schedule="constant", learning_rate=0.02)
    assert {config.rate_at(epoch) for epoch in (0, 0.5, 9.9)} == {0.02}


def test_a_single_epoch_has_a_schedule_too():
    config = train_config("quick", epochs=1)
    assert all(0 < config.rate_at(e) <= config.learning_rate for e in (0, 0.2, 0.5, 1, 1.5))


def test_progressive_pictures_grow_from_half_the_size_to_seven_eighths():
    config = train_config("quick", image_size=128, epochs=20, progressive=True)
    sizes = [config.size_at(epoch) for epoch in range(20)]
    assert sizes == sorted(sizes)
    assert sizes[:10] == [64] * 10
    assert sizes[16:] == [112] * 4
    assert set(sizes) == {64, 80, 96, 112}


@pytest.mark.parametrize("size", [32, 40, 64, 150, 512])
def test_progressive_pictures_are_never_larger_than_those_asked_for_nor_below_32(size):
    config = train_config("quick", image_size=size, epochs=10, progressive=True)
    sizes = {config.size_at(epoch) for epoch in range(10)}
    assert min(sizes) >= 32
    assert max(sizes) <= size


def test_without_progress_every_epoch_has_the_size_asked_for_and_its_share_of_the_work():
    config = train_config("quick", image_size=50, epochs=4)
    assert {config.size_at(epoch) for epoch in range(4)} == {50}
    assert [config.work_at(epoch) for epoch in (0, 1.5, 4)] == [0, 0.375, 1]


def test_larger_pictures_are_more_work():
    config = train_config("quick", image_size=64, epochs=2, progressive=True)
    assert [config.size_at(epoch) for epoch in (0, 1)] == [32, 32]
    config = train_config("quick", image_size=64, epochs=10, progressive=True)
    areas = [config.size_at(epoch) ** 2 for epoch in range(10)]
    assert len(set(areas)) > 1
    for epoch in range(10):
        assert config.work_at(epoch) == pytest.approx(sum(areas[:epoch]) / sum(areas))
    assert config.work_at(9.5) == pytest.approx(1 - areas[9] / 2 / sum(areas))
    assert config.work_at(10) == 1
    assert config.mean_size_at(0) ** 2 == pytest.approx(sum(areas) / 10, rel=0.03)
