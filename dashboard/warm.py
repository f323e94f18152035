"""What the server has ready before the first person clicks: the libraries of all pages.

They are imported beside the server's start, so that no first visit of a page waits for them, and
are then taken out of what Python's collector of garbage looks through. That would be half a
million objects, none of which ever becomes garbage, each time; without them it finds what the
pages leave behind within milliseconds, by itself, as often as there is something to find.
"""

import gc
import importlib
import pkgutil
import threading
import time

from streamlit import runtime

import dashboard

PAGE = "page"  # the module of each room that draws as soon as it is imported


def start() -> threading.Thread:
    """Warm up beside what else the process does."""

    def work() -> None:
        while not runtime.exists():  # Streamlit's caches ask it how they are to be kept
            time.sleep(0.05)
        warm()

    thread = threading.Thread(target=work, name="warm-up", daemon=True)
    thread.start()
    return thread


def warm() -> None:
    for room in pkgutil.iter_modules(dashboard.__path__, "dashboard."):
        if room.ispkg:
            package = importlib.import_module(room.name)
            for found in pkgutil.iter_modules(package.__path__, f"{room.name}."):
                if not found.name.endswith(f".{PAGE}"):
                    importlib.import_module(found.name)
    gc.collect()
    gc.freeze()
