"""The form of hyperparameters: a widget for each field of TrainConfig, with its help."""

import streamlit as st

from dashboard import words
from dashboard.parts import charts
from dashboard.parts.params import Param
from dashboard.train import like
from engine.commands import train
from engine.data.dataset import Dataset
from engine.errors import CamsightError
from engine.models.backbones import BACKBONES
from engine.models.presets import PRESETS
from engine.training.config import TrainConfig, train_config

PRESET = Param("preset")
USUAL = "_usual_preset"  # what the dataset before would have had
TOGGLES = {"Augment the training pictures": "augment", "Smaller pictures first": "progressive"}
ROUNDS = (
    "The most rounds of the head, each a few steps of L-BFGS over all training pictures. It ends "
    "by itself when nothing changes any more."
)
RATES = [base * 10**power for power in range(-5, 0) for base in (1, 2, 3, 5)] + [1.0]
RATES = [float(f"{rate:.0e}") for rate in RATES]


def choose_config(dataset: Dataset) -> TrainConfig | None:
    """Every hyperparameter; None, with the reason shown, where they cannot be used."""
    preset = _choose_preset(dataset)
    default = like.default(preset, train_config(preset))
    st.caption(PRESETS[preset].network)
    chosen = _backbone(default) if default.backbone else {}
    trains = chosen.get("fine_tune", 1) > 0  # by Keras's loop, and not a head alone
    with st.grid(3, min_column_width=105):
        chosen["epochs"] = _number("Epochs", "epochs", default, says="" if trains else ROUNDS)
        if trains:
            chosen["batch_size"] = _number("Batch size", "batch_size", default)
            chosen["seed"] = _number("Seed", "seed", default)
    if trains:
        with st.grid(2, min_column_width=150):
            chosen["learning_rate"] = st.select_slider(
                "Learning rate", sorted({*RATES, default.learning_rate}), default.learning_rate,
                format_func=lambda rate: f"{rate:g}", **_keyed("learning_rate", preset),
            )  # fmt: skip
            chosen["schedule"] = _choice("Schedule", "schedule", default, box=True)
    preview = st.container()
    with st.expander("Advanced", icon=":material/tune:"):
        chosen |= _advanced(default, dataset, trains)
    try:
        config = train_config(preset, **chosen)
        train.check_size(config, dataset)
    except CamsightError as error:
        st.error(words.markdown(error))
        return None
    if trains:
        with preview:
            rates = [config.rate_at(epoch + 0.5) for epoch in range(config.epochs)]
            says = f"Learning rate by epoch, from {rates[0]:.2g} to {rates[-1]:.2g}."
            charts.show(charts.learning_rate(rates), "rate", says)
    return config


def _choose_preset(dataset: Dataset) -> str:
    """The preset that the address asks for, or else the one for such pictures; that one follows
    the dataset until another is chosen."""
    usual, asked, memory = train.usual_preset(dataset), PRESET.asked(), st.session_state
    if memory.get(USUAL, usual) != usual and memory.get(PRESET.widget) == memory[USUAL]:
        memory[PRESET.widget] = usual
    memory[USUAL] = usual
    if asked is not None and asked not in PRESETS:
        st.warning(f"There is no preset {words.markdown(asked, 40)} here; {usual} is chosen.")
    like.choose_preset(PRESET)
    first = PRESET.start(asked if asked in PRESETS else None) or usual
    first = None if PRESET.overrule(first) else first
    preset = st.segmented_control(
        "Preset", list(PRESETS), default=first, required=True, key=PRESET.widget,
        help=TrainConfig.model_fields["preset"].description,
    )  # fmt: skip
    PRESET.write(None if preset == usual else preset)
    return preset or usual


def _backbone(default: TrainConfig) -> dict:
    chosen = {}
    with st.grid(2, min_column_width=150):
        names = list(BACKBONES)
        chosen["backbone"] = st.selectbox(
            "Backbone", names, names.index(default.backbone), **_keyed("backbone", default.preset)
        )
        chosen["fine_tune"] = _number("Blocks to fine-tune", "fine_tune", default)
    about = BACKBONES[chosen["backbone"]].about
    if chosen["backbone"] != names[0]:
        about += (
            " The first run downloads them; without a network, name their file in "
            "CAMSIGHT_BACKBONES (README)."
        )
    st.caption(about)
    return chosen


def _advanced(default: TrainConfig, dataset: Dataset, trains: bool) -> dict:
    chosen = {}
    with st.grid(2, min_column_width=150, vertical_alignment="bottom"):
        shared = _keyed("image_size", f"{default.preset}-{dataset.name}")
        chosen["image_size"] = st.number_input(
            "Image size, px", value=min(default.image_size, dataset.image_size), **shared
        )
        if trains:
            chosen["optimizer"] = _choice("Optimizer", "optimizer", default, box=True)
            chosen["momentum"] = _number("Momentum", "momentum", default, step=0.01)
            chosen["decay"] = _number("Decay", "decay", default, step=0.01)
        chosen["l2"] = _number("L2 penalty", "l2", default, step=0.001)
        chosen["early_stopping"] = _number("Early stopping, epochs", "early_stopping", default)
        if trains:
            chosen["label_smoothing"] = _number(
                "Label smoothing", "label_smoothing", default, step=0.05
            )
            chosen["crop"] = _number("Smallest crop", "crop", default, step=0.05)
    if trains:
        chosen["precision"] = _choice("Precision", "precision", default)
        for label, name in TOGGLES.items():
            chosen[name] = st.toggle(
                label, getattr(default, name), **_keyed(name, default.preset)
            )
    return chosen


def _keyed(name: str, preset: str) -> dict:
    """What every widget of a hyperparameter shares; each preset keeps its own values."""
    field = TrainConfig.model_fields[name]
    key = f"{name}-{preset}{like.suffix()}"
    return {"key": key, "help": field.description, "persist_state": "session"}


def _number(label: str, name: str, default: TrainConfig, step=1, says: str = ""):
    """No bounds of the widget's own: it would keep a number beyond them to itself, and the run
    would be trained with the last one that it sent. TrainConfig answers in a sentence."""
    value, kind, keyed = getattr(default, name), type(step), _keyed(name, default.preset)
    if says:
        keyed["help"] = says
    return st.number_input(
        label, value=kind(value), step=step, format="%g" if kind is float else None, **keyed
    )


def _choice(label: str, name: str, default: TrainConfig, box: bool = False):
    options = list(TrainConfig.model_fields[name].annotation.__args__)
    value, shared = getattr(default, name), _keyed(name, default.preset)
    if box:
        return st.selectbox(label, options, options.index(value), **shared)
    return st.segmented_control(label, options, default=value, required=True, **shared)
