"""Which run heads Overview, and under which names runs stand together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import state, words
from dashboard.parts import results
from engine.commands import compare, learn
from engine.data.dataset import Dataset
from engine.runs.record import Run


@dataclass(frozen=True)
class Standing:
    """The run that heads the page, of those that may be compared with the newest result.

    Attributes:
        elected: of the candidates the one with the highest AUC on validation.
        candidates: the judged runs of one split, oldest first.
        alone: whether there are no results on other pictures.
    """

    elected: Run
    candidates: Sequence[Run]
    alone: bool


def standing(judged: Sequence[Run]) -> Standing:
    candidates = compare.comparable(judged, judged[-1])
    return Standing(compare.elect(candidates), candidates, len(candidates) == len(judged))


def headline(found: Standing) -> str:
    """The elected run with its AUC on test, how that is known, and how it was chosen."""
    run = found.elected
    chosen = f", {_how(found)}," if len(found.candidates) > 1 else ""
    area = results.area(run)
    return (
        f"{run.id} on {words.markdown(results.learned(run))}{chosen} has "
        f"{'a' if area.startswith('m') else 'an'} {area} of "
        f"{words.three_digits(run.figures['auc'])} ({results.interval(run)}) on "
        f"{words.count(results.judged_on(run))} pictures it never saw."
        + (" That may be chance." if run.figures["auc_low"] <= 0.5 else "")
    )


def _how(found: Standing) -> str:
    n = words.count(len(found.candidates))
    if math.isfinite(compare.validation_auc(found.elected)):
        return f"chosen among {n} runs by its AUC on validation"
    return f"the oldest of {n} runs whose AUC on validation cannot be read"


def explanation(found: Standing) -> str:
    """Why a higher figure in the table does not head the page; "" where there is none."""
    said = []
    if not found.alone:
        newest = found.candidates[-1]
        others = "results on other pictures" + (" or of another question" * bool(newest.question))
        said.append(
            f"The newest result is on {words.markdown(results.learned(newest))}; {others} cannot "
            "be compared with it."
        )
    highest = max(found.candidates, key=lambda run: run.figures["auc"])
    if highest.figures["auc"] > found.elected.figures["auc"]:
        said.append(
            f"{highest.id} has a higher AUC on test, {words.three_digits(highest.figures['auc'])}, "
            "but not on validation. The highest of several test figures owes part of its height to "
            "luck, so the choice is made without them."
        )
    return " ".join(said)


def groups(judged: Sequence[Run], datasets: Sequence[Dataset]) -> dict[str, str]:
    """For each run's id the name that its test pictures go by, and what is asked about them.

    Runs of one split share it, whatever their datasets are called; a run whose split is not known
    stands alone.
    """
    splits: dict[str, list[Run]] = {}
    for run in judged:
        splits.setdefault(run.split_id or run.id, []).append(run)
    return {
        run.id: _name(split, members, datasets)
        for split, members in splits.items()
        for run in members
    }


def _name(split: str, members: list[Run], datasets: Sequence[Dataset]) -> str:
    called = list(dict.fromkeys(run.dataset for run in members))
    asked = results.question(members[0])
    name = " / ".join(called) + (f": {asked}" if asked else "")
    if not members[0].split_id:
        return f"{name}, test pictures of {split} alone"
    question = learn.question_of(members[0])
    if any(one.name in called and state.split_id(one, question) == split for one in datasets):
        return name
    return f"{name}, earlier pictures {split[:6]}"
