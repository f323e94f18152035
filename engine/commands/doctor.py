"""doctor: what computes here, in which versions, and whether a dashboard could do its work."""

import os
from dataclasses import asdict

from engine.commands import ready
from engine.commands.ready import Check
from engine.commands.snapshot import free_bytes
from engine.settings import settings
from engine.workspace import Workspace

NO_DEVICE = {"kind": "none", "name": "nothing that computes", "gpus": []}


def doctor(workspace: Workspace) -> dict:
    """Device, versions, workspace and its free space; what was tried, and whether it is ready.

    Imports TensorFlow, so call it in a child.
    """
    device, versions, tried = _device()
    checks = [*ready.checks(workspace), tried, *ready.provider(settings())]
    return {
        "device": device,
        "versions": versions,
        "workspace": str(workspace.path),
        "free_gb": round((free_bytes(workspace) or 0) / 1e9, 1),
        "ready": ready.is_ready(checks),
        "checks": [asdict(check) for check in checks],
    }


def _device() -> tuple[dict, dict[str, str], Check]:
    """What computes, and whether it does: a driver may be there and refuse its first product."""
    try:
        from engine import backend

        backend.prepare_process()
        device = backend.device()
        backend.try_out()
        return device, backend.versions(), Check("device", True, "computes")
    except Exception as error:  # whatever a driver or a broken installation raises
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        said = f"it does not compute ({why}); see its driver, and install Camsight anew"
        return NO_DEVICE | {"cores": os.cpu_count()}, {}, Check("device", False, said)
