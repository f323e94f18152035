"""The process that holds the models: `python -m engine serve-models FOLDER`, started by `client`.

It listens in a folder that only its user may enter, to whoever knows the key that its parent wrote
on standard input. That pipe is its lifeline, too: when the parent is gone, however it ended, the
pipe closes, and so does the process.
"""

import logging
import os
import shutil
import threading
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from pathlib import Path

from engine import logs
from engine.serving.lanes import Lanes
from engine.serving.protocol import Done, Refused
from engine.settings import settings

KEY_BYTES = 32
SOCKET = "models"  # its name in the folder
BACKLOG = 128  # who connects while everybody else is busy
NICE = 5  # below the server, whose pages people wait for, and above trainings


def serve(folder: Path) -> None:
    """Answer until the parent is gone."""
    logs.begin(logs.FORMS[settings().log](settings().secrets))
    if hasattr(os, "nice"):
        os.nice(NICE)  # before there are threads, which take it over
    key = os.read(0, KEY_BYTES)
    threading.Thread(target=_end_with_parent, args=[folder], daemon=True).start()
    models: Future = Future()
    lanes = Lanes(lambda request, progress: models.result().work(request, progress))
    listener = Listener(str(folder / SOCKET), "AF_UNIX", BACKLOG, authkey=key)
    threading.Thread(target=_accept, args=[listener, lanes], daemon=True).start()
    from engine import backend  # while those who connect already wait in line
    from engine.serving.models import Models

    backend.prepare_process(settings().server_gpu_mb)
    models.set_result(Models(settings().models_mb * 2**20))
    threading.Event().wait()


def _end_with_parent(folder: Path) -> None:
    os.read(0, 1)  # nothing more is ever written
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _accept(listener: Listener, lanes: Lanes) -> None:
    while True:
        try:
            connection = listener.accept()
        except (AuthenticationError, EOFError, OSError) as error:  # whoever it was
            logging.getLogger(__name__).warning("a connection was not made: %r", error)
            continue
        threading.Thread(target=answer, args=[connection, lanes], daemon=True).start()


def answer(connection: Connection, lanes: Lanes) -> None:
    """Tell one who asks all that is new, up to the answer, or until the connection is closed."""
    with connection, suppress(EOFError, OSError):
        job = lanes.join(connection.recv())
        told = None
        try:
            # nothing more is ever asked on it: what can be read is its end
            while not isinstance(told, Done | Refused) and not connection.poll():
                news = lanes.look(job)
                if news is not told:
                    connection.send(news)
                told = news
        finally:
            lanes.leave(job)
