"""The dashboard's side: one process that holds the models, asked by any thread.

It is started at once, started anew where it died, and ended with this process. What it was asked
when it died is asked of the next.
"""

import atexit
import logging
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client as connect
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from engine.cam.heatmaps import Heatmaps
from engine.errors import CamsightError, JobError
from engine.runs.record import Run
from engine.serving.protocol import Done, Refused, Request, Waiting, Working
from engine.serving.worker import KEY_BYTES, SOCKET
from engine.settings import PROJECT

QUIET = 0.5  # seconds without news after which the last are told again
TRIES = 3  # of one request, each of which a process did not survive
SHORT = 10.0  # seconds; a process that lives no longer is not started anew until it is asked
PATIENCE = 5.0  # seconds that a process is given to end

Progress = Callable[[int, int], None]
Behind = Callable[[int], None]


class _Gone(Exception):
    """The process ended before it answered."""


@dataclass(frozen=True)
class Figures:
    """How the process is, and what it was asked since this one began.

    Attributes:
        pid: None while there is none. restarts: after a death.
        waiting, working: requests at this moment.
        maps, seconds: how many were made by each method, and how long all of them took.
        errors: what was not answered, by the error's name.
    """

    pid: int | None
    restarts: int
    waiting: int
    working: int
    maps: Mapping[str, int]
    seconds: Mapping[str, float]
    errors: Mapping[str, int]


@cache
def ask() -> "Client":
    """The one of this process; at the first call its process is started."""
    client = Client()
    atexit.register(client.close)
    client.start()
    return client


def running() -> "Client | None":
    """The one of this process, where it was asked for already; for whoever only looks."""
    return ask() if ask.cache_info().currsize else None


@dataclass(frozen=True, eq=False)
class _Worker:
    """A process, the folder it listens in, what it is to be told first, and since when it runs."""

    process: subprocess.Popen
    folder: Path
    key: bytes
    since: float

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


class Client:
    """Asks the process that holds the models.

    All that ask may take `waiting`, called with how many stand before it, and `progress`, called
    with (steps done, all). Both are called in the thread that asks, at least twice a second, and
    are free to raise, which ends the work for whoever asked.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._closed = False
        self._restarts = 0
        self._states: dict[object, str] = {}
        self._maps, self._seconds, self._errors = Counter(), Counter(), Counter()

    # --- what is asked ---

    def channels(self, run: Run, waiting: Behind = lambda behind: None) -> dict[str, int]:
        """How many channels each layer with a map has."""
        return self._ask(Request("channels", run), waiting)

    def scores(
        self, run: Run, images: np.ndarray, waiting: Behind = lambda behind: None
    ) -> np.ndarray:
        """What the model says of pictures `(n, h, w, 3)`, as `inference.probabilities` has it."""
        return self._ask(Request("scores", run, images), waiting)

    def explain(
        self,
        run: Run,
        images: np.ndarray,
        method: str,
        *,
        waiting: Behind = lambda behind: None,
        progress: Progress = lambda done, total: None,
        **how,
    ) -> Heatmaps:
        """What `engine.cam.explain` finds in pictures `(n, h, w, 3)`; how: as it is asked there.

        Raises:
            CamsightError: as there; or if the process cannot answer.
        """
        heat = self._ask(Request("explain", run, images, method, how), waiting, progress)
        with self._lock:
            self._maps[method] += len(heat.values)
            self._seconds[method] += heat.seconds
        return heat

    def exported(self, run: Run) -> bytes:
        """The run's model as a `.keras` file."""
        return self._ask(Request("export", run))

    def figures(self) -> Figures:
        """How it is; waits for nothing."""
        with self._lock:
            worker, states = self._worker, Counter(self._states.values())
            return Figures(
                worker.process.pid if worker and worker.alive else None, self._restarts,
                states["waiting"], states["working"], dict(self._maps), dict(self._seconds),
                dict(self._errors),
            )  # fmt: skip

    # --- how it is asked ---

    def _ask(
        self,
        request: Request,
        waiting: Behind = lambda behind: None,
        progress: Progress = lambda done, total: None,
    ):
        try:
            for _ in range(TRIES):
                worker = self.start()
                try:
                    with self._counted() as say, _connected(worker, waiting) as connection:
                        return _answer(connection, request, waiting, progress, say)
                except _Gone:
                    _let_end(worker)
            raise JobError(
                f"The process that holds the models ended {TRIES} times while '{request.run.id}' "
                "was asked; the server's log says why."
            )
        except CamsightError as error:
            with self._lock:
                self._errors[type(error).__name__] += 1
            raise

    @contextmanager
    def _counted(self) -> Iterator[Callable[[str], None]]:
        """What tells the figures whether a request waits or is worked on."""
        me = object()

        def say(state: str) -> None:
            with self._lock:
                self._states[me] = state

        say("waiting")
        try:
            yield say
        finally:
            with self._lock:
                del self._states[me]

    # --- the process ---

    def start(self) -> _Worker:
        """The living process, or a new one.

        Raises:
            JobError: if it cannot be started.
        """
        with self._lock:
            if self._closed:
                raise JobError("The server is ending; ask again when it is back.")
            if self._worker is None or not self._worker.alive:
                self._restarts += self._worker is not None
                self._worker = _begin()
                threading.Thread(target=self._watch, args=[self._worker], daemon=True).start()
            return self._worker

    def _watch(self, worker: _Worker) -> None:
        """When the process has ended, start the next, unless it could not live at all."""
        status = worker.process.wait()
        shutil.rmtree(worker.folder, ignore_errors=True)
        if self._closed:
            return
        told = logging.getLogger(__name__)
        told.warning("The process that holds the models ended (status %s).", status)
        if time.monotonic() - worker.since > SHORT:
            try:
                self.start()
            except JobError as error:
                told.warning("%s", error)

    def close(self) -> None:
        """End the process; nothing is asked any more."""
        with self._lock:
            self._closed = True
            worker = self._worker
        if worker is None:
            return
        worker.process.stdin.close()
        worker.process.terminate()
        try:
            worker.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
        shutil.rmtree(worker.folder, ignore_errors=True)


def _begin() -> _Worker:
    folder, key = Path(tempfile.mkdtemp(prefix="camsight-")), secrets.token_bytes(KEY_BYTES)
    try:
        process = subprocess.Popen(  # nosec B603 # our own words
            [sys.executable, "-m", "engine", "serve-models", folder],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            bufsize=0,
            process_group=0,  # Ctrl-C is of the server, which ends this
        )
        process.stdin.write(key)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise JobError(
            f"The process that holds the models could not be started ({error.strerror or error}); "
            "check the machine's memory and processes."
        ) from error
    return _Worker(process, folder, key, time.monotonic())


def _let_end(worker: _Worker) -> None:
    """A process that was killed closes its connections before it counts as ended."""
    with suppress(subprocess.TimeoutExpired):
        worker.process.wait(PATIENCE)


@contextmanager
def _connected(worker: _Worker, waiting: Behind) -> Iterator[Connection]:
    """A connection to the process, as soon as it listens."""
    told = time.monotonic()
    while True:
        try:
            connection = connect(str(worker.folder / SOCKET), "AF_UNIX", worker.key)
            break
        except (FileNotFoundError, ConnectionRefusedError):  # it does not listen yet
            if not worker.alive:
                raise _Gone from None
        except (OSError, EOFError, AuthenticationError):
            raise _Gone from None
        time.sleep(0.05)
        if time.monotonic() - told > QUIET:
            told = time.monotonic()
            waiting(0)
    with connection:
        yield connection


def _answer(connection: Connection, request: Request, waiting: Behind, progress: Progress, say):
    """What the process answers, and meanwhile what it tells."""
    try:
        connection.send(request)
    except OSError:
        raise _Gone from None
    news = Waiting(0)
    while True:
        try:
            if connection.poll(QUIET):
                news = connection.recv()
        except (EOFError, OSError):
            raise _Gone from None
        match news:
            case Done(value):
                return value
            case Refused(error):
                raise error
            case Waiting(behind):
                say("waiting")
                waiting(behind)
            case Working(done, total):
                say("working")
                progress(done, total)
