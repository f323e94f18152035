"""What keeps a click short whatever is loaded: no look through all objects after each run."""

import gc
import sys
import tomllib
from pathlib import Path

from dashboard import warm

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / ".streamlit" / "config.toml"


def test_every_module_but_the_pages_is_ready_and_out_of_the_collectors_way():
    pages = {name for name in sys.modules if name.endswith(".page")}
    try:
        warm.warm()
        assert gc.get_freeze_count() > 50_000
    finally:
        gc.unfreeze()
    rooms = [path for path in (ROOT / "dashboard").glob("*/*.py") if path.stem != "__init__"]
    names = {f"dashboard.{path.parent.name}.{path.stem}" for path in rooms}
    drawn = {name for name in names if name.endswith(".page")}
    assert len(drawn) >= 5
    assert names - drawn <= sys.modules.keys()
    assert {name for name in sys.modules if name.endswith(".page")} == pages  # none has drawn


def test_streamlit_does_not_collect_after_each_run():
    assert tomllib.loads(CONFIG.read_text())["runner"] == {"postScriptGC": False}
