"""The form of hyperparameters: a widget for each field of TrainConfig, with its help."""

import streamlit as st

from dashboard import words
from dashboard.parts import charts
from dashboard.parts.params import Param
from engine.commands import train
from engine.data.dataset import Dataset
from engine.errors import CamsightError
from engine.models.presets import PRESETS
from engine.training.config import TrainConfig, train_config

PRESET = Param("preset", list(PRESETS), "quick")
RATES = [base * 10**power for power in range(-5, 0) for base in (1, 2, 3, 5)] + [1.0]
RATES = [float(f"{rate:.0e}") for rate in RATES]


def choose_config(dataset: Dataset) -> TrainConfig | None:
    """Every hyperparameter; None, with the reason shown, where they cannot be used."""
    preset = st.segmented_control(
        "Preset", PRESET.options, default=PRESET.default, required=True, bind="query-params",
        key=PRESET.carry(),
        help=TrainConfig.model_fields["preset"].description,
    )  # fmt: skip
    preset = preset if preset in PRESETS else PRESET.default
    default = train_config(preset)
    st.caption(PRESETS[preset].network)
    chosen = {}
    with st.grid(3, min_column_width=105):
        chosen["epochs"] = _number("Epochs", "epochs", default)
        chosen["batch_size"] = _number("Batch size", "batch_size", default)
        chosen["seed"] = _number("Seed", "seed", default)
    with st.grid(2, min_column_width=150):
        chosen["learning_rate"] = st.select_slider(
            "Learning rate", RATES, default.learning_rate, format_func=lambda rate: f"{rate:g}",
            **_keyed("learning_rate", preset),
        )  # fmt: skip
        chosen["schedule"] = _choice("Schedule", "schedule", default, box=True)
    preview = st.container()
    with st.expander("Advanced", icon=":material/tune:"):
        chosen |= _advanced(default, dataset)
    try:
        config = train_config(preset, **chosen)
        train.check_size(config, dataset)
    except CamsightError as error:
        st.error(words.markdown(error))
        return None
    with preview:
        rates = [config.rate_at(epoch + 0.5) for epoch in range(config.epochs)]
        says = f"Learning rate by epoch, from {rates[0]:.2g} to {rates[-1]:.2g}."
        charts.show(charts.learning_rate(rates), "rate", says)
    return config


def _advanced(default: TrainConfig, dataset: Dataset) -> dict:
    chosen = {}
    with st.grid(2, min_column_width=150, vertical_alignment="bottom"):
        shared = _keyed("image_size", f"{default.preset}-{dataset.name}")
        chosen["image_size"] = st.number_input(
            "Image size, px", value=min(default.image_size, dataset.image_size), **shared
        )
        chosen["optimizer"] = _choice("Optimizer", "optimizer", default, box=True)
        chosen["momentum"] = _number("Momentum", "momentum", default, step=0.01)
        chosen["decay"] = _number("Decay", "decay", default, step=0.01)
        chosen["l2"] = _number("L2 penalty", "l2", default, step=0.001)
        chosen["early_stopping"] = _number("Early stopping, epochs", "early_stopping", default)
        chosen["label_smoothing"] = _number(
            "Label smoothing", "label_smoothing", default, step=0.05
        )
        chosen["crop"] = _number("Smallest crop", "crop", default, step=0.05)
    chosen["precision"] = _choice("Precision", "precision", default)
    chosen["augment"] = st.toggle(
        "Augment the training pictures", default.augment, **_keyed("augment", default.preset)
    )
    chosen["progressive"] = st.toggle(
        "Smaller pictures first", default.progressive, **_keyed("progressive", default.preset)
    )
    return chosen


def _keyed(name: str, preset: str) -> dict:
    """What every widget of a hyperparameter shares; each preset keeps its own values."""
    field = TrainConfig.model_fields[name]
    return {"key": f"{name}-{preset}", "help": field.description, "persist_state": "session"}


def _number(label: str, name: str, default: TrainConfig, step=1):
    """No bounds of the widget's own: it would keep a number beyond them to itself, and the run
    would be trained with the last one that it sent. TrainConfig answers in a sentence."""
    value, kind = getattr(default, name), type(step)
    return st.number_input(
        label, value=kind(value), step=step, format="%g" if kind is float else None,
        **_keyed(name, default.preset),
    )  # fmt: skip


def _choice(label: str, name: str, default: TrainConfig, box: bool = False):
    options = list(TrainConfig.model_fields[name].annotation.__args__)
    value, shared = getattr(default, name), _keyed(name, default.preset)
    if box:
        return st.selectbox(label, options, options.index(value), **shared)
    return st.segmented_control(label, options, default=value, required=True, **shared)
