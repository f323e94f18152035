"""`python -m dashboard`: what `make run` and the container start.

An empty workspace gets its first run, in a process of its own and before any browser connects;
then this process becomes the server.
"""

import os
import socket
import sys

from engine.commands import first_run
from engine.errors import CamsightError, JobError
from engine.settings import PROJECT, settings


def main() -> None:
    """Become the server; exit status 2 and a sentence where that cannot be."""
    try:
        host, port = settings().host, settings().port
        check_port(host, port)
        first_run.start()
    except (CamsightError, OSError) as error:
        print(f"Camsight cannot start: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"Camsight on http://{host}:{port}, workspace {settings().workspace}", flush=True)
    os.chdir(PROJECT)
    server = [
        sys.executable, "-m", "streamlit", "run", "dashboard/app.py",
        "--server.address", host, "--server.port", str(port),
        "--server.headless", "true", "--browser.gatherUsageStats", "false",
    ]  # fmt: skip
    os.execv(sys.executable, server)


def check_port(host: str, port: int) -> None:
    """Raise a JobError if somebody else listens there."""
    with socket.socket() as trial:
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
