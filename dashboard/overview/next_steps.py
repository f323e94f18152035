"""What to do next: computed from what is there, each with its reason and the way to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import words
from dashboard.overview import own_pictures
from dashboard.overview.standing import Standing
from dashboard.parts import links, results, rights
from engine.data.dataset import Dataset
from engine.data.subjects import Alike
from engine.runs.record import Run

WIDE = 0.1  # of a 95% interval: too wide to rank runs by
MOST = 4


@dataclass(frozen=True)
class Step:
    """page and query: where it is done."""

    icon: str
    label: str
    reason: str
    page: str
    query: dict


def what_next(
    runs: Sequence[Run],
    datasets: Sequence[Dataset],
    found: Standing,
    alike: Alike | None = None,
) -> list[Step]:
    """The most pressing four.

    Args:
        alike: two pictures of the heading run's dataset that may be of one subject.
    """
    best = found.elected
    steps = [_train_on(one) for one in reversed(datasets) if not _learned(runs, one)]
    if alike:
        steps.insert(0, _keep_together(best, alike))
    steps += _more_pictures(best)
    steps.append(Step(
        ":material/center_focus_strong:", f"Look inside {best.id}",
        "Is it right for the right reason? Grad-CAM and Score-CAM show where it looks.",
        links.EXPLAIN, {"run": best.id},
    ))  # fmt: skip
    steps += _mistakes(best)
    if own_pictures.only_drawn(datasets):
        steps.append(Step(
            ":material/add_photo_alternate:", "Bring pictures of your own",
            "Everything here was drawn by the program so far.",
            links.OVERVIEW, {own_pictures.ADD.key: own_pictures.OWN},
        ))  # fmt: skip
    elif len(found.candidates) == 1:
        steps.append(Step(
            ":material/model_training:", "Train a second run",
            f"{best.id} is the only run on these pictures, so nothing says what helps.",
            links.TRAIN, links.to_train_like(best),
        ))  # fmt: skip
    if rights.why_not("train a run"):  # it is left to them to look
        steps = [one for one in steps if one.page not in (links.TRAIN, links.OVERVIEW)]
    return steps[:MOST]


def _learned(runs: Sequence[Run], dataset: Dataset) -> bool:
    return any(run.dataset_fingerprint == dataset.fingerprint for run in runs)


def _keep_together(best: Run, alike: Alike) -> Step:
    reason = (
        f"Its pictures {words.markdown(alike.one, 40)} and {words.markdown(alike.other, 40)} look "
        f"like one subject. If they are, {best.id} was judged on subjects that it has seen."
    )
    label = f"Keep the subjects of {words.markdown(best.dataset, 40)} together"
    query = {own_pictures.ADD.key: best.dataset}
    return Step(":material/group:", label, reason, links.OVERVIEW, query)


def _train_on(dataset: Dataset) -> Step:
    n = words.count(dataset.size)
    reason = f"Its {n} pictures are ready, and no run has learned from them yet."
    label = f"Train on {words.markdown(dataset.name, 40)}"
    return Step(":material/model_training:", label, reason, links.TRAIN, {"dataset": dataset.name})


def _more_pictures(best: Run) -> list[Step]:
    width = best.figures["auc_high"] - best.figures["auc_low"]
    if width <= WIDE:
        return []
    # Newcombe's, where no pair is ordered wrongly, narrows by the number and not by its root
    times = "Twice" if best.figures["auc"] == 1 else "Four times"
    reason = (
        f"{best.id} was judged on {words.count(results.judged_on(best))}; its interval is "
        f"{width:.2f} wide. {times} as many pictures halve it."
    )
    label = f"Give {words.markdown(best.dataset, 40)} more pictures"
    query = {own_pictures.ADD.key: best.dataset}
    return [Step(":material/add_photo_alternate:", label, reason, links.OVERVIEW, query)]


def _mistakes(best: Run) -> list[Step]:
    n = results.judged_on(best)
    wrong = round(n * (1 - best.figures["accuracy"]))
    if not wrong:
        return []
    if len(best.class_names) > 2:
        reason = (
            f"It takes {words.count(wrong)} of {words.count(n)} for another class. The matrix says "
            "which classes it confuses."
        )
    else:
        reason = (
            f"It takes {words.count(wrong)} of {words.count(n)} for the other class at a threshold "
            "of 0.5. Another threshold makes fewer of one kind, and may make more of the other."
        )
    label = f"Judge the mistakes of {best.id}"
    return [Step(":material/monitoring:", label, reason, links.EVALUATE, {"run": best.id})]


def show(steps: Sequence[Step]) -> None:
    st.header("What to do next", anchor=False)
    for step in steps:
        with st.container(gap="xxsmall"):
            st.page_link(
                step.page, label=f"**{step.label}**", icon=step.icon, query_params=step.query
            )
            st.caption(step.reason)
