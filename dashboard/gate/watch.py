"""What is noticed while the server runs: pages that are open, and what became of runs.

Runs are trained by processes of their own, whose logs lie beside them; a line in the server's log
tells whoever collects it what became of which, and whose it is.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from dashboard import figures
from dashboard.gate import sessions
from dashboard.gate.beside import beside
from engine.commands import snapshot
from engine.errors import CamsightError
from engine.runs.record import ACTIVE, Run
from engine.settings import settings
from engine.workspace import Workspace

LOOK_EVERY = 5.0  # seconds
log = logging.getLogger("camsight")


def watched() -> AbstractAsyncContextManager[None]:
    """Look around every few seconds while the server runs."""
    return beside(_watch())


async def _watch() -> None:
    place, known, silent = Workspace(settings().workspace), None, False
    while True:
        open_now = sessions.alive()
        figures.SESSIONS.set(len(open_now))
        owners = (sessions.owner(one) for one in open_now)
        figures.PEOPLE.set(len({who.name for who in owners if who and who.name}))
        try:
            runs = (await asyncio.to_thread(snapshot.look, place)).runs
        except (CamsightError, OSError) as error:
            if not silent:
                log.warning("what became of runs cannot be read: %s", error)
            silent = True
        else:
            known, silent = tell(known, runs), False
        await asyncio.sleep(LOOK_EVERY)


def tell(known: Mapping[str, str] | None, runs: tuple[Run, ...]) -> dict[str, str]:
    """Log each run whose state is another than before, and count those that ended.

    Args:
        known: states by id; None at the first look, when nothing is news.

    Returns:
        The states as they are now.
    """
    for run in runs if known is not None else ():
        if known.get(run.id) == run.status:
            continue
        bad = run.status in ("failed", "lost")
        said = f"{run.status}{f' after {run.seconds:.0f} s' if run.seconds else ''}"
        said += f": {run.error}" if run.error else ""
        facts = {"run": run.id, "user": run.owner}
        log.log(logging.WARNING if bad else logging.INFO, "%s", said, extra=facts)
        if run.status not in ACTIVE:
            figures.ENDED.labels(run.status).inc()
    return {run.id: run.status for run in runs}
