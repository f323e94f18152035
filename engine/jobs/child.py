"""The process of a job: `python -m engine` with a lower priority and a beat.

It is another file than the command line's because a verb that a person types has neither.
"""

import os
import runpy
import sys
from pathlib import Path

from engine import lease

NICE = 10  # trainings beside the server made its pages four times slower
DISPATCHER = "work"  # computes nothing, and what it starts would be lowered twice


def main() -> None:
    _, its_lease, *argv = sys.argv
    if hasattr(os, "nice") and argv[0] != DISPATCHER:
        os.nice(NICE)  # before there are threads, which take it over
    sys.argv = ["engine", *argv]
    with lease.beating(Path(its_lease)):
        runpy.run_module("engine", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
