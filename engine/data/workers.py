"""Work on many things in processes of their own, of which one may break without the others.

A worker writes down what it is at, so that it is known what it broke on. That one is tried once
more, since the system may have ended its process for another's want of memory; then it is given up,
and a new worker does the rest.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import cv2

from engine.errors import SourceError

CHUNK = 64  # things that a worker is given at a time


@dataclass
class _Worker:
    process: BaseProcess
    at: Any  # a number in memory that both see: which of `todo` it is at
    todo: range = range(0)
    started: bool = False


def each(
    work: Callable[[int, int], Iterator[Any]], n: int, processes: int, seconds: float
) -> Iterator[tuple[int, Any, str]]:
    """Answers for all of range(n), in the order in which they come.

    Args:
        work: a generator function of (start, stop), which can be pickled and yields one answer for
            each number in between.
        seconds: of processor time that one thing may take. By the clock, a busy machine would
            refuse what an idle one takes, and the dataset would be another.

    Yields:
        (number, answer, ""), or (number, None, reason) for what broke its process.

    Raises:
        SourceError: if a process does not start, or writes where the disk gives way.
    """
    chunks = deque(range(a, min(a + CHUNK, n)) for a in range(0, n, CHUNK))
    crew: dict[Connection, _Worker] = {}
    broke_once = set()
    try:
        while chunks or crew:
            while chunks and len(crew) < processes:
                _hire(crew, work, seconds, chunks.popleft())
            for pipe in wait(list(crew)):
                worker = crew[pipe]
                try:
                    answers = pipe.recv()
                except (EOFError, ConnectionResetError):
                    final, reason = _why(_dismiss(crew, pipe), seconds)
                    todo, broken = worker.todo, worker.at.value
                    if final or broken in broke_once:
                        yield broken, None, reason
                        parts = range(todo.start, broken), range(broken + 1, todo.stop)
                        chunks.extendleft(part for part in parts if part)
                    else:
                        broke_once.add(broken)
                        chunks.appendleft(todo)
                    continue
                if isinstance(answers, Exception):
                    raise answers
                if not worker.started:
                    worker.started = True
                    continue
                answered = zip(worker.todo, answers, strict=True)
                if chunks:
                    _hand_out(worker, pipe, chunks.popleft())
                else:
                    _dismiss(crew, pipe)
                for number, answer in answered:
                    yield number, answer, ""
    finally:
        for pipe in list(crew):
            crew[pipe].process.terminate()
            _dismiss(crew, pipe)


def _hire(crew: dict, work: Callable, seconds: float, todo: range) -> None:
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    at = context.RawValue("q")
    process = context.Process(target=_serve, args=(theirs, work, at, seconds), daemon=True)
    process.start()
    theirs.close()  # so that the pipe ends with the process
    crew[pipe] = _Worker(process, at)
    _hand_out(crew[pipe], pipe, todo)


def _hand_out(worker: _Worker, pipe: Connection, todo: range) -> None:
    worker.todo, worker.at.value = todo, todo.start
    with suppress(BrokenPipeError):  # it broke meanwhile: the next look at its pipe tells
        pipe.send(todo)


def _dismiss(crew: dict, pipe: Connection) -> _Worker:
    """Wait for the end of a worker, which is broken or ends since its pipe does."""
    worker = crew.pop(pipe)
    pipe.close()
    worker.process.join()
    return worker


def _why(worker: _Worker, seconds: float) -> tuple[bool, str]:
    """Whether another try would end alike, and the reason why the worker broke."""
    code = worker.process.exitcode
    if not worker.started:
        raise SourceError(
            f"A process that decodes pictures ended before it began (exit status {code}), most "
            "likely for lack of memory; free memory, or set CAMSIGHT_PROCESSES=1 and try again."
        )
    if code == -signal.SIGBUS:  # what a page of a mapped file gives that cannot be had
        raise SourceError("The disk failed or was full while pictures were written; free space.")
    if code == -signal.SIGPROF:
        return True, f"decoding took more than {seconds:g} s"
    if code == -signal.SIGKILL:
        return False, "the system ended the decoder on it, most likely for lack of memory"
    return False, "the decoder broke on it"


def _serve(pipe: Connection, work: Callable, at, seconds: float) -> None:
    """A worker's life: it ends with its pipe, and in the midst of work with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, inside a decoder too
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)  # the processes share the cores already
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send(None)
        while True:
            todo = pipe.recv()
            try:
                pipe.send(_answers(work(todo.start, todo.stop), todo, at, seconds))
            except Exception as error:
                pipe.send(error)


def _answers(coming: Iterator, todo: range, at, seconds: float) -> list:
    answers = []
    for at.value in todo:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answers.append(next(coming))
    return answers


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
