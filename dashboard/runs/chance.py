"""The seed of chance: how far the AUCs of runs lie apart that differ in nothing but the seed."""

from collections.abc import Sequence
from statistics import fmean

import streamlit as st

from dashboard import words
from engine.commands import compare
from engine.runs.store import Run


def show(run: Run, runs: Sequence[Run]) -> None:
    """The spread of AUC on test over the seeds that the run's settings were trained with; nothing
    where there is one seed only."""
    draw([one.figures["auc"] for one in alike(run, runs)], run.id)


def alike(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs of the same settings on the same pictures, one for each seed, the run itself too."""
    by_seed: dict[object, Run] = {}
    if run.judged:
        wanted = _but_seed(run)
        for one in compare.comparable(runs, run):
            if _but_seed(one) == wanted:
                by_seed.setdefault(one.config["seed"], one)
    return list(by_seed.values())


def _but_seed(run: Run) -> tuple:
    return run.dataset_fingerprint, run.question, dict(run.config) | {"seed": None}


def draw(aucs: Sequence[float], of: str) -> None:
    """n, mean, lowest and highest AUC of a series of runs that differ in their seed.

    Args:
        aucs: on test; of fewer than two nothing is drawn.
        of: whose settings they share.
    """
    if len(aucs) < 2:
        return
    low, high = min(aucs), max(aucs)
    luck = f" A difference of less than {words.three_digits(high - low)} may be the luck of a seed."
    st.caption(
        f":material/casino: The seed alone: {len(aucs)} runs with the settings of "
        f"{words.markdown(of)} have a mean AUC of {words.three_digits(fmean(aucs))}, from "
        f"{words.three_digits(low)} to {words.three_digits(high)}." + (luck if high > low else "")
    )
