"""Figures for a monitor: counted here, or looked up when somebody asks for them.

None tells who did something, or what anything is called.
"""

import logging
from collections import Counter as Counts
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.samples import Sample

from engine.commands import snapshot
from engine.commands.snapshot import Snapshot
from engine.errors import CamsightError
from engine.runs.record import Status
from engine.serving import client
from engine.settings import settings
from engine.workspace import Workspace

disable_created_metrics()  # a second figure for each counter, which no rule asks for
log = logging.getLogger("camsight")
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

ANSWERS = Counter("camsight_answers", "Requests answered, by status", ["status"], registry=REGISTRY)
ERRORS = Counter(
    "camsight_errors", "Errors that nobody expected, by name", ["error"], registry=REGISTRY
)
REFUSALS = Counter(
    "camsight_refusals", "Sentences that pages said instead of doing something, by error",
    ["error"], registry=REGISTRY,
)  # fmt: skip
ENDED = Counter(
    "camsight_runs_ended", "Runs that ended since the server started, by how", ["state"],
    registry=REGISTRY,
)  # fmt: skip
SESSIONS = Gauge(
    "camsight_sessions", "Pages that are open, or that a browser may still come back to",
    registry=REGISTRY,
)  # fmt: skip
PEOPLE = Gauge("camsight_people", "People who signed in and have one open", registry=REGISTRY)
READY = Gauge("camsight_ready", "Whether what was tried works", ["check"], registry=REGISTRY)


def failed(error: Exception) -> None:
    """What Streamlit calls with an error that no page expected, after it has logged it."""
    ERRORS.labels(type(error).__name__).inc()


class _Looked:
    """Figures of the workspace at the moment somebody asks; of one that cannot be read, what can be
    told nevertheless."""

    def collect(self) -> Iterator[Metric]:
        place = Workspace(settings().workspace)
        try:
            yield from _of_records(snapshot.look(place))
        except (CamsightError, OSError) as error:
            log.warning("the workspace's records cannot be read: %s", error)
        free = snapshot.free_bytes(place)
        if free is not None:
            yield GaugeMetricFamily(
                "camsight_disk_free_bytes", "Free space of the workspace's disk", free
            )
        sizes = list(_sizes(place.uploads))
        yield GaugeMetricFamily("camsight_uploads", "Files sent and not yet used", len(sizes))
        yield GaugeMetricFamily("camsight_uploads_bytes", "What they take on the disk", sum(sizes))


def _of_records(seen: Snapshot) -> Iterator[Metric]:
    yield _gauge("camsight_runs", "Runs by state", "state", _states(seen))
    waiting = sum(run.status == "queued" for run in seen.runs)
    yield GaugeMetricFamily("camsight_queue_length", "Runs that wait in line", waiting)
    trained = [run for run in seen.runs if run.seconds and not run.of]
    seconds, of_each = Counts(), Counts(run.preset for run in trained)
    for run in trained:
        seconds[run.preset] += run.seconds
    yield _gauge(
        "camsight_training_seconds", "Seconds that the runs that are there were trained for",
        "preset", seconds,
    )  # fmt: skip
    yield _gauge("camsight_trained_runs", "How many those are", "preset", of_each)
    yield GaugeMetricFamily("camsight_datasets", "Datasets", len(seen.datasets))
    yield GaugeMetricFamily(
        "camsight_preparing", "Datasets that are being prepared", len(seen.preparing)
    )
    yield GaugeMetricFamily(
        "camsight_unreadable", "Runs and datasets whose record is damaged",
        len(seen.unreadable_runs) + len(seen.unreadable_datasets),
    )  # fmt: skip


class _Models:
    """Figures of the process that holds the models."""

    def collect(self) -> Iterator[Metric]:
        holder = client.running()
        if holder is not None:
            yield from of_models(holder.figures())


def of_models(told: client.Figures) -> Iterator[Metric]:
    seconds = SummaryMetricFamily(
        "camsight_heatmap_seconds", "Seconds that heatmaps took to compute", labels=["method"]
    )
    for method, maps in told.maps.items():
        seconds.add_metric([method], maps, told.seconds[method])
    yield seconds
    yield _gauge(
        "camsight_model_requests", "Requests of pages to models, by what becomes of them", "state",
        {"waiting": told.waiting, "working": told.working},
    )  # fmt: skip
    errors = CounterMetricFamily(
        "camsight_model_errors", "Requests to models that failed, by error", labels=["error"]
    )
    for error, count in told.errors.items():
        errors.add_metric([error], count)
    yield errors
    yield CounterMetricFamily(
        "camsight_model_restarts", "Times that the process of the models died", told.restarts
    )
    yield GaugeMetricFamily(
        "camsight_models_up", "Whether that process lives", told.pid is not None
    )


for figures in (_Looked(), _Models()):
    REGISTRY.register(figures)


def read() -> list[Sample]:
    """Every figure at this moment."""
    return [sample for metric in REGISTRY.collect() for sample in metric.samples]


def total(samples: Sequence[Sample], name: str, **labels: str) -> float:
    """A figure among those; of labels that are not given, the sum over all."""
    fitting = (s for s in samples if s.name == name and labels.items() <= s.labels.items())
    return sum(sample.value for sample in fitting)


def _gauge(name: str, about: str, label: str, values: dict[str, float]) -> GaugeMetricFamily:
    found = GaugeMetricFamily(name, about, labels=[label])
    for of, number in values.items():
        found.add_metric([of], number)
    return found


def _states(seen: Snapshot) -> dict[str, int]:
    """Of every state there is, so that a figure does not vanish when it becomes 0."""
    return dict.fromkeys(get_args(Status), 0) | Counts(run.status for run in seen.runs)


def _sizes(folder: Path) -> Iterator[int]:
    """Of the files in it, in bytes; one may go meanwhile."""
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file():
                yield path.stat().st_size
