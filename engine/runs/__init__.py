"""Run and its store: a run is a folder."""

from engine.runs.store import Run

__all__ = ["Run"]
