"""What the training and the machine have to do at this moment, in a line."""

import streamlit as st

from dashboard import words
from engine.commands import load
from engine.runs.record import Run

GB = 1e9


def show(run: Run) -> None:
    """The load of the run's process, of the machine and of its graphics cards."""
    st.caption(" · ".join(said(load.training(run), load.machine())))


def said(training: load.ProcessLoad | None, machine: load.Load) -> list[str]:
    """In parts: "training: 1.9 of 2 cores, 0.8 GB", "machine: processors 97%, 3.1 of 8.2 GB"."""
    parts = []
    if training:
        parts.append(
            f":material/memory: training: {training.cores:.1f} of {machine.cores} cores, "
            f"{training.bytes / GB:.1f} GB"
        )
    parts.append(
        f"machine: processors {machine.processor:.0%} busy, memory {machine.used / GB:.1f} of "
        f"{machine.total / GB:.1f} GB"
    )
    for gpu in machine.gpus:
        busy = "" if gpu.load is None else f"{gpu.load:.0%} busy, "
        name = words.markdown(gpu.name, 40)
        parts.append(f"{name}: {busy}{gpu.used / GB:.1f} of {gpu.total / GB:.1f} GB")
    return parts
