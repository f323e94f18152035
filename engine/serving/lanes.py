"""Who is served when: two lanes for each model, so that a slow map holds nobody's quick one up.

On a lane it is first come, first served. The quick one serves one after the other; on the slow one
a few are at work side by side, and their forward passes share batches (see
`engine.models.together`), so that none of them stands behind another's thousand passes. Who asks
for the very same thing as another shares its answer.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.errors import CamsightError, JobError
from engine.serving.protocol import QUICK, SLOW, Done, News, Refused, Request, Waiting, Working

log = logging.getLogger(__name__)
WIDTH = {QUICK: 1, SLOW: 4}  # how many are at work side by side
BEAT = 0.25  # seconds after which a look ends without an answer

Work = Callable[[Request, Callable[[int, int], None]], Any]


class Left(Exception):
    """Nobody waits for it any more."""


@dataclass(eq=False)
class Job:
    """What is to be done for one or more who asked for the same; news: the latest of it."""

    request: Request
    news: News = field(default_factory=lambda: Waiting(0))
    listeners: int = 0

    @property
    def lane(self) -> tuple:
        return self.request.model, self.request.lane


@dataclass(eq=False)
class _Lane:
    """threads: that serve it, of which some are busy and the others about to take who waits."""

    waiting: deque[Job] = field(default_factory=deque)
    threads: int = 0
    busy: int = 0


class Lanes:
    """All of them; any thread may ask."""

    def __init__(self, work: Work):
        """work: does what is asked, in any thread; it calls `progress` and lets pass what that
        raises."""
        self._work = work
        self._ended = threading.Condition()
        self._jobs: dict[tuple, Job] = {}
        self._lanes: dict[tuple, _Lane] = {}

    def join(self, request: Request) -> Job:
        """Wait for what is asked; whoever joins has to `leave`."""
        with self._ended:
            job = self._jobs.get(request.key) or self._queue(Job(request))
            job.listeners += 1
            return job

    def look(self, job: Job) -> News:
        """The latest of a job: its answer as soon as it is there, or what else is known after a
        beat, since nobody reads what changes faster."""
        with self._ended:
            self._ended.wait_for(lambda: isinstance(job.news, Done | Refused), BEAT)
            return job.news

    def leave(self, job: Job) -> None:
        """Wait no more; what nobody waits for is taken from the line, or ends at its next step."""
        with self._ended:
            job.listeners -= 1
            if job.listeners:
                return
            self._forget(job)
            lane = self._lanes.get(job.lane)
            if lane and job in lane.waiting:
                lane.waiting.remove(job)
                self._tell(lane)

    def _queue(self, job: Job) -> Job:
        self._jobs[job.request.key] = job
        lane = self._lanes.setdefault(job.lane, _Lane())
        lane.waiting.append(job)
        if lane.threads < WIDTH[job.request.lane]:
            lane.threads += 1
            name = f"{job.request.lane} lane of {job.request.run.id}"
            threading.Thread(target=self._serve, args=[job.lane], name=name, daemon=True).start()
        self._tell(lane)
        return job

    def _tell(self, lane: _Lane) -> None:
        """Tell those on a lane behind how many they are."""
        free = lane.threads - lane.busy
        for place, job in enumerate(lane.waiting):
            job.news = Waiting(0 if place < free else place + lane.busy)

    def _forget(self, job: Job) -> None:
        if self._jobs.get(job.request.key) is job:
            del self._jobs[job.request.key]

    def _serve(self, name: tuple) -> None:
        """Do what waits on a lane, one after the other, until nobody does."""
        while job := self._next(name):
            news = self._outcome(job)
            with self._ended:
                job.news = news
                self._forget(job)
                self._lanes[name].busy -= 1
                self._tell(self._lanes[name])
                self._ended.notify_all()

    def _next(self, name: tuple) -> Job | None:
        with self._ended:
            lane = self._lanes[name]
            if not lane.waiting:
                lane.threads -= 1
                if not lane.threads:
                    del self._lanes[name]
                return None
            job = lane.waiting.popleft()
            lane.busy += 1
            job.news = Working(0, 1)
            self._tell(lane)
            return job

    def _outcome(self, job: Job) -> News:
        def progress(done: int, total: int) -> None:
            if not job.listeners:
                raise Left
            job.news = Working(done, total)

        run = job.request.run
        try:
            return Done(self._work(job.request, progress))
        except Left:
            return Refused(JobError("Nobody waited for it any more."))
        except CamsightError as error:
            return Refused(error)
        except BaseException as error:  # of that request alone
            log.exception("could not be asked to %s", job.request.verb, extra={"run": run.id})
            return Refused(failed(job.request, error))


def failed(request: Request, error: BaseException) -> JobError:
    """Why the model gave no answer, in a sentence."""
    why = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return JobError(
        f"The model of '{request.run.id}' did not answer ({type(error).__name__}: {why}); the "
        "server's log says more."
    )
