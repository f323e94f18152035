"""doctor: what computes here, in which versions, and where the workspace lies."""

import shutil

from engine.settings import settings


def doctor() -> dict:
    """Device, versions, workspace and its free space. Imports TensorFlow, so call it in a child."""
    from engine import backend

    backend.prepare_process()
    workspace = settings().workspace
    workspace.mkdir(parents=True, exist_ok=True)
    return {
        "device": backend.device(),
        "versions": backend.versions(),
        "workspace": str(workspace),
        "free_gb": round(shutil.disk_usage(workspace).free / 1e9, 1),
    }
