"""What tests of pages share: looks that are always new, and workspaces of many runs."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.commands import snapshot
from engine.runs import store
from engine.runs.record import Run
from engine.training.config import train_config
from engine.workspace import Workspace

OLD = Path(__file__).resolve().parents[1] / "fixtures" / "workspace-1.tar.xz"


@pytest.fixture(scope="module")
def old_workspace(tmp_path_factory) -> Path:
    """Runs that are there already, so that a server starts none."""
    place = tmp_path_factory.mktemp("old")
    with tarfile.open(OLD) as packed:
        packed.extractall(place, filter="data")
    return place / "workspace"


@pytest.fixture(autouse=True)
def every_look_is_new(monkeypatch):
    """A test changes a workspace faster than a person; a look of before must not serve it."""
    monkeypatch.setattr(snapshot, "FRESH", 0.0)


@pytest.fixture(scope="session")
def add_run() -> Callable[..., Run]:
    """`add_run(workspace, auc=0.8, validation_auc=0.7, split_id="a", status=…)`: a judged run's
    record, with no files beside it."""

    def add(place: Workspace, auc: float = 0.7, validation_auc: float = 0.7, **known) -> Run:
        figures = {
            "auc": auc, "auc_low": auc - 0.05, "auc_high": min(1.0, auc + 0.05),
            "interval": "hanley-mcneil", "n_positive": 40, "n_negative": 40, "accuracy": 0.7,
            "validation_auc": validation_auc,
        }  # fmt: skip
        about = {
            "dataset": "pets", "dataset_fingerprint": "f" * 64, "split_id": "5" * 64,
            "dataset_image_size": 64, "class_names": ("cat", "dog"), "image_size": 32,
            "config": train_config("quick", epochs=2, image_size=32).model_dump(),
        }  # fmt: skip
        ended = {"status": "finished", "started": store.now(), "ended": store.now(), "seconds": 4.0}
        changed = ended | {"figures": figures, "weights_sha256": "0" * 64} | known
        created = {name: changed.pop(name) for name in list(changed) if name in about}
        return store.save(store.create(place, "quick", **about | created), **changed)

    return add
