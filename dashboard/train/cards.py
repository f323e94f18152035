"""The cards of a run: how far and how fast it is while it trains, and its figures in the end."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dashboard import state, words
from dashboard.parts import evidence, live, results
from dashboard.parts.evidence import Card
from dashboard.parts.live import Stage
from dashboard.train.asked import pictures
from engine.commands import learn
from engine.evaluation.proportions import wilson
from engine.runs.record import Run


def under_way(run: Run, stage: Stage, told: dict) -> list[Card]:
    epoch = f"{stage.epoch} of {stage.epochs}" if stage.epoch else words.NOTHING
    batch = f"batch {stage.batch} of {stage.batches}" if stage.batch else "not begun"
    head = results.head_alone(run)
    if head:  # a round goes over all pictures at once, in no time
        batch = "of the head" if stage.epoch else "of the head, after the features"
    speed = None if head and stage.epoch else stage.pictures_per_second
    known = stage.seconds_left is not None
    return [
        Card("Epoch", epoch, batch),
        Card("Time left", words.about(stage.seconds_left),
             "from the speed so far" if known else "not measured yet"),
        Card("Speed", words.speed(speed), stage.engine or (precision(run) if not head else "")),
        best_so_far(run, told),
    ]  # fmt: skip


def best_so_far(run: Run, told: dict) -> Card:
    """Validation accuracy of the kept weights; their pictures chose them, and the card says so."""
    best = live.best_epoch(told)
    if best is None and run.active:
        return Card("Best so far", words.NOTHING, "after the first epoch")
    if best is None:
        return Card("Best epoch", words.NOTHING, "its history.csv cannot be read")
    accuracy = told["val_accuracy"][told["epoch"].index(best)]
    label = f"Best so far, epoch {best}" if run.active else f"Best epoch, {best}"
    dataset = state.dataset_of(run)
    if dataset is None:
        return Card(label, words.percent(accuracy), "accuracy on validation; its pictures are gone")
    n = pictures(dataset, learn.question_of(run), ("validation",))
    share = wilson(int(np.clip(np.rint(accuracy * n), 0, n)), n)
    line = words.evidence_line(
        words.interval(share.low, share.high, words.percent), "accuracy, validation, Wilson", n
    )
    track = evidence.track(share.value, share.low, share.high, percent=True)
    return Card(label, words.percent(accuracy), line, track=track)


def figures(run: Run, told: dict) -> list[Card]:
    auc, low, high = (run.figures[name] for name in ("auc", "auc_low", "auc_high"))
    epochs, k = f"{len(told.get('epoch', []))} of {run.config['epochs']}", len(run.class_names)
    features = "its features, and " if run.features_by else ""
    return [
        Card(
            "AUC on test", words.three_digits(auc),
            words.evidence_line(results.interval(run), results.method(run), results.judged_on(run)),
            remark="" if k == 2 else f"mean of {k} classes",
            track=evidence.track(auc, low, high),
        ),
        best_so_far(run, told),
        Card("Training time", words.duration(run.seconds), f"{features}{epochs} epochs"),
        computed(run),
    ]  # fmt: skip


def computed(run: Run) -> Card:
    """How fast it trained, and on what; of a head alone, what computed the features instead."""
    if not results.head_alone(run):
        by = " · ".join(part for part in (run.device, precision(run)) if part)
        return Card("Speed", words.speed(run.pictures_per_second), by)
    if not run.features_by:
        return Card("Features", words.NOTHING, run.device or "")
    by = [words.plain(one, 60) for one in run.features_by.split("; ")]
    if by == ["stored features"]:
        return Card("Features", "stored", "computed by an earlier run")
    name = by[0].split()[0]
    details = " and ".join(one.removeprefix(name).strip() for one in by)
    return Card("Features by", name, " · ".join(part for part in (details, run.device) if part))


def precision(run: Run) -> str:
    """What it computes in; "auto" until that is measured."""
    return run.precision or run.config["precision"]


def on_one_scale(cards: Sequence[Card]) -> list[Card]:
    """Cards side by side whose intervals can be compared by eye: all from the lowest floor on."""
    floor = min((card.track.min for card in cards if card.track), default=0.0)
    return [
        replace(card, track=replace(card.track, min=floor)) if card.track else card
        for card in cards
    ]


