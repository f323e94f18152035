"""ready: whether a dashboard on this workspace can do its work, tried and not guessed.

Nothing here imports TensorFlow, so a server may ask every few seconds; what computes is tried by
`doctor`.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import httpx2

from engine import audit, lease
from engine.commands import snapshot
from engine.errors import CamsightError
from engine.runs import store
from engine.settings import Settings
from engine.workspace import Workspace

LEAST_FREE = 500e6  # bytes: two runs of the largest network with their checkpoints
BLOCK = 4096  # bytes that are written to see whether that can be done
PATIENCE = 3  # seconds for a provider's answer


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    name: one word. said: what was found, or why it failed and what to do. needed: whether a server
    on which it failed should be sent nobody.
    """

    name: str
    ok: bool
    said: str
    needed: bool = True


def is_ready(checks: list[Check]) -> bool:
    return all(check.ok for check in checks if check.needed)


def checks(workspace: Workspace) -> list[Check]:
    """The run store, the disk, the audit log and the line of runs, tried one after the other."""
    tries = {"runs": _runs, "disk": _disk, "audit": _audit}
    found = [_tried(name, lambda t=try_it: t(workspace)) for name, try_it in tries.items()]
    return [*found, _tried("line", lambda: _line(workspace), needed=False)]


def provider(settings: Settings) -> list[Check]:
    """Whether the provider of sign-ins answers; nothing where there is none.

    Who is signed in already can go on working without it, so it is not needed.
    """
    if settings.sign_in != "oidc":
        return []
    return [_tried("provider", lambda: _provider(settings.oidc_url), needed=False)]


class _Failed(Exception):
    """A try that failed, in words."""


def _tried(name: str, try_it: Callable[[], str], needed: bool = True) -> Check:
    try:
        return Check(name, True, try_it(), needed)
    except OSError as error:
        why = f"{error.strerror or error}; check the workspace's rights and the free space"
        return Check(name, False, why, needed)
    except (CamsightError, _Failed) as error:
        return Check(name, False, str(error), needed)


def _runs(workspace: Workspace) -> str:
    """Read the folder of runs itself: a listing takes one that is missing for an empty one."""
    if workspace.runs.exists():
        os.scandir(workspace.runs).close()
    seen = snapshot.look(workspace)
    damaged, one = len(seen.unreadable_runs), len(seen.runs) == 1
    said = f"{len(seen.runs)} run{'' if one else 's'} can be read"
    return said + (f", {damaged} cannot" if damaged else "")


def _disk(workspace: Workspace) -> str:
    """Write a block and wait until it is on the disk; the file has no name that could stay."""
    workspace.path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=workspace.path) as file:
        file.write(os.urandom(BLOCK))
        file.flush()
        os.fsync(file.fileno())
    free = snapshot.free_bytes(workspace) or 0
    if free < LEAST_FREE:
        raise _Failed(
            f"{free / 1e9:.1f} GB are free, and a run may take {LEAST_FREE / 1e9:.1f} GB; free "
            "some space"
        )
    return f"can be written, {free / 1e9:,.1f} GB free"


def _audit(workspace: Workspace) -> str:
    """Without a line in it nothing is started, stopped or deleted."""
    file = workspace.path / audit.FILE
    if file.exists() and not (file.is_file() and os.access(file, os.W_OK)):
        raise _Failed(f"{audit.FILE} cannot be written; check its rights")
    return "can be written" if file.exists() else "nothing is noted yet"


def _line(workspace: Workspace) -> str:
    seen = snapshot.look(workspace)
    waiting = [run for run in seen.runs if run.status == "queued"]
    left = [run for run in waiting if run.id in seen.line and store.process(run) is None]
    if left and not lease.is_held(workspace.dispatcher):
        raise _Failed(
            f"{len(left)} wait, and no process starts them; queue another run, or start the "
            "dashboard anew"
        )
    return f"{len(waiting)} wait" if waiting else "nobody waits"


def _provider(url: str) -> str:
    try:
        told = httpx2.get(url, timeout=PATIENCE, follow_redirects=False).raise_for_status().json()
        issuer = told["issuer"]
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError, KeyError) as error:
        why = type(error).__name__
        raise _Failed(
            f"the sign-in provider does not tell who it is ({why}), so nobody new can sign in; see "
            "whether it is up, and whether CAMSIGHT_OIDC_URL is its metadata"
        ) from None
    return f"{issuer} answers"
