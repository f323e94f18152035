"""doctor: what computes here, in which versions, and where the workspace lies."""

from engine.commands.snapshot import free_bytes
from engine.workspace import Workspace


def doctor(workspace: Workspace) -> dict:
    """Device, versions, workspace and its free space. Imports TensorFlow, so call it in a child."""
    from engine import backend

    backend.prepare_process()
    return {
        "device": backend.device(),
        "versions": backend.versions(),
        "workspace": str(workspace.path),
        "free_gb": round((free_bytes(workspace) or 0) / 1e9, 1),
    }
