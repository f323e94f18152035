"""What the tests of training share: a real dataset, and a network that is traced in no time."""

import keras
import pytest

from engine.data.dataset import open_dataset
from engine.data.question import Task, task_of
from engine.training.config import TrainConfig, train_config
from engine.training.fit import compile_model
from engine.workspace import Workspace


@pytest.fixture(scope="session")
def task(workspace) -> Task:
    """240 drawn pictures of 64 pixels, 192 of them for training. Tests must not write into it."""
    return task_of(open_dataset(Workspace(workspace), "drawn"), None)


@pytest.fixture(scope="session")
def small_config():
    """`small_config(epochs=3)`: SGD at a constant rate, 32 pixels, 32 pictures at once."""

    def make(**chosen) -> TrainConfig:
        usual = {"image_size": 32, "epochs": 2, "optimizer": "sgd", "schedule": "constant"}
        return train_config("quick", **(usual | {"augment": False} | chosen))

    return make


@pytest.fixture(scope="session")
def small_model():
    """`small_model(config, classes=3)`: the mean colour decides; built from the seed, compiled."""

    def make(config: TrainConfig, classes: int = 2) -> keras.Model:
        keras.utils.set_random_seed(config.seed)
        pixels = keras.Input((config.image_size, config.image_size, 3))
        colour = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
        hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(8, activation="relu")(colour))
        units, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
        model = keras.Model(pixels, keras.layers.Dense(units, activation=activation)(hidden))
        compile_model(model, config)
        return model

    return make
