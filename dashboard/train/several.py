"""Queue several: the form with several values in place of one, as that many runs in line."""

import time
from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.parts import live
from dashboard.train import cost
from dashboard.train.cost import Wanted
from dashboard.train.hyperparameters import RATES
from engine.commands import many
from engine.commands.estimate import timed
from engine.commands.train import config_for
from engine.errors import CamsightError
from engine.models.presets import PRESETS
from engine.runs.record import Run
from engine.training.config import TrainConfig

BATCHES = [8, 16, 32, 64, 128, 256, 512]


def choose(wanted: Wanted) -> Run | None:
    """The popover beside the start; the first of the runs, once they were queued."""
    with st.popover("Queue several", icon=":material/playlist_add:"):
        st.caption(
            "One run for each combination, trained one after the other. What is left empty is as "
            "in the form; another preset has its own defaults."
        )
        config = wanted.config
        presets = st.multiselect(
            "Presets", list(PRESETS), key="several-presets", placeholder=config.preset
        )
        rates, batches, seeds = several_of_each(wanted, presets)
        try:
            configs = combinations(wanted, presets, rates, batches, seeds)
            many.check_number(len(configs))
        except CamsightError as error:
            st.error(words.markdown(error))
            configs = []
        if configs:
            st.markdown(says(wanted, configs))
        if not st.button(
            f"**Queue {len(configs)} runs**" if len(configs) > 1 else "**Queue them**",
            icon=":material/playlist_play:", width="stretch", disabled=len(configs) < 2,
            key="queue-several",
        ):  # fmt: skip
            return None
        try:
            return queue(wanted, configs)
        except (CamsightError, OSError) as error:
            st.error(words.markdown(error))
            return None


def several_of_each(
    wanted: Wanted, presets: Sequence[str]
) -> tuple[Sequence[float], Sequence[int], int]:
    """Learning rates, batch sizes and the number of seeds; asked where one of the presets has a
    use for them."""
    config = wanted.config
    if all(base.head_alone for base in bases(wanted, presets)):
        st.caption(
            "Learning rate, batch size and seed have no part in a head alone. Choose another "
            "preset, too, or fine-tune blocks of the backbone."
        )
        return [], [], 1
    rates = st.multiselect(
        "Learning rates", RATES, format_func=lambda rate: f"{rate:g}", key="several-rates",
        placeholder=f"{config.learning_rate:g}",
    )  # fmt: skip
    batches = st.multiselect(
        "Batch sizes", BATCHES, key="several-batches", placeholder=f"{config.batch_size}"
    )
    seeds = st.number_input(
        f"Number of seeds, from {config.seed} on", value=1, step=1, key="several-seeds",
        help="The same with so many seeds each tells how much of a difference is chance.",
    )  # fmt: skip
    return rates, batches, int(seeds)


def bases(wanted: Wanted, presets: Sequence[str]) -> list[TrainConfig]:
    """What each preset starts from: the form's own from the form, another from its defaults."""
    found = []
    for preset in presets or [wanted.config.preset]:
        base = wanted.config
        if preset != base.preset:
            base = config_for(wanted.dataset, preset)
        found.append(base)
    return found


def combinations(
    wanted: Wanted,
    presets: Sequence[str],
    rates: Sequence[float],
    batches: Sequence[int],
    seeds: int,
) -> list[TrainConfig]:
    """A configuration for each combination; where there is nothing to choose, the form's."""
    first = wanted.config.seed
    several = {"learning_rate": rates, "batch_size": batches, "seed": range(first, first + seeds)}
    if seeds < 1:
        return []
    return [
        one
        for base in bases(wanted, presets)
        for one in many.combinations(wanted.dataset, several, **base.model_dump())
    ]


def says(wanted: Wanted, configs: Sequence[TrainConfig]) -> str:
    """How many there are and how long they take: each as it was timed; one that nobody timed is
    taken to be as long as the form's."""
    n = len(configs)
    if n < 2:
        return "Choose several values of at least one."
    runs, lengths = state.look().runs, {}

    def seconds(config: TrainConfig) -> float | None:
        key = (config.epochs, *timed(config).values())
        if key not in lengths:
            lengths[key] = cost.whole(Wanted(wanted.dataset, config, wanted.question), runs)
        return lengths[key]

    form = seconds(wanted.config)
    each = [seconds(config) for config in configs]
    guessed = sum(one is None for one in each)
    if guessed and form is None:
        return f"**{n} runs.** How long one takes is not measured yet."
    total = words.about(sum(form if one is None else one for one in each))
    as_long = f", if {guessed} of them take as long as the one above" if guessed else ""
    return f"**{n} runs, about {total} in all**{as_long}."


def queue(wanted: Wanted, configs: Sequence[TrainConfig]) -> Run:
    """The first of the runs; of a second click of a double click, that of the first one.

    Raises:
        CamsightError: as `many.sweep` does.
    """
    noted = st.session_state.setdefault("_queued", {})  # see `live.start`
    asked = [wanted.dataset.name, wanted.question, *configs]
    if noted.get("asked") == asked and time.monotonic() - noted["at"] < live.MOMENT:
        return noted["run"]
    runs = many.sweep(state.workspace(), wanted.dataset.name, configs, wanted.question)
    noted.update(asked=asked, run=runs[0], at=time.monotonic())
    state.changed()
    return runs[0]
