"""`python -m dashboard`: what `make run` and the container start.

An empty workspace gets its first run, in a process of its own and before any browser connects. The
server runs in this very process, which is the parent of the jobs it starts and can wait for them.
"""

import logging
import os
import signal
import socket
import sys
import tempfile

import streamlit as st

from dashboard import gate, logbook, warm
from dashboard.gate.configured import check, is_loopback
from dashboard.gate.who import TRUSTED
from engine import formats
from engine.commands import first_run, line, resume
from engine.commands.sweep import sweep
from engine.errors import CamsightError, JobError
from engine.serving import client
from engine.settings import PROJECT, settings
from engine.workspace import Workspace

log = logging.getLogger("camsight")


def main() -> None:
    """Serve until Ctrl-C or SIGTERM; exit status 2 and a sentence where that cannot be."""
    for end in (signal.SIGINT, signal.SIGTERM):  # the server calls these when it has closed
        signal.signal(end, lambda *_: sys.exit(0))
    try:
        host, port, workspace = settings().host, settings().port, Workspace(settings().workspace)
        check(settings())
        formats.check(workspace)
        around = gate.around(settings())
        check_port(host, port)
        logbook.begin(settings())
        make_ready(workspace)
    except (CamsightError, OSError) as error:
        print(f"Camsight cannot start: {error}", file=sys.stderr)
        sys.exit(2)
    warm.start()
    client.ask()  # so that the first heatmap need not wait for TensorFlow
    os.chdir(PROJECT)  # where Streamlit looks for .streamlit/config.toml
    os.environ["FORWARDED_ALLOW_IPS"] = ""  # only the gate says whose X-Forwarded-For is believed
    app = st.App(PROJECT / "dashboard" / "app.py", **around)
    shown = f"[{host}]" if ":" in host else host
    only = ", for this machine only" if is_loopback(host) else ""
    log.info("Camsight on http://%s:%d%s, workspace %s", shown, port, only, workspace.path)
    if settings().sign_in != "none":
        to = settings().oidc_url if settings().sign_in == "oidc" else "the proxy in front"
        log.info("People sign in by %s, and find it at %s", to, settings().public_url or "its name")
    app.run(
        config={
            "server.address": host,
            "server.port": port,
            "server.trustedUserHeaders": TRUSTED,
            "server.maxUploadSize": settings().upload_mb,
        }
    )


def make_ready(workspace: Workspace) -> None:
    """Clear what killed processes left, let the line and the runs that were lost go on, and start
    the first run where it is due.

    A workspace that cannot be written is shown as it is, and said.
    """
    try:
        workspace.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=workspace.path):
            formats.migrate(workspace)
            sweep(workspace)
            line.ensure(workspace)  # first: who waits for a dispatcher is not lost
            for run in resume.resume_lost(workspace):
                facts = {"run": run.id, "user": run.owner}
                log.warning("The run '%s' was lost and is resumed.", run.id, extra=facts)
            first_run.start(workspace)
    except JobError as error:  # what is there can be looked at all the same
        log.warning("%s", error)
    except OSError as error:
        log.warning(
            "The workspace cannot be written (%s): what is there can be looked at, and nothing can "
            "be trained or prepared.", error.strerror,
        )  # fmt: skip


def check_port(host: str, port: int) -> None:
    """Raise a JobError if somebody else listens there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise JobError(
                f"{host}:{port} cannot be used ({error.strerror}); choose another with "
                "`make run PORT=8502`."
            ) from error


if __name__ == "__main__":
    main()
