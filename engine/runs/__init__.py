"""A run is a folder: `store` finds and writes its record, `outcome` what it says of itself."""

from engine.runs.record import Run

__all__ = ["Run"]
