"""Evaluate: how good a run is, how sure that is, and where it is wrong."""

import json
from urllib.parse import urlencode, urlsplit
from zipfile import BadZipFile

import numpy as np
import streamlit as st

from dashboard import charts, evidence, figures, mistakes, state, unjudged, words
from engine.commands import evaluate
from engine.errors import CamsightError
from engine.evaluation import intervals, roc, thresholds

INTERVALS = {"hanley-mcneil": "Hanley & McNeil", "newcombe": "Newcombe"}
PARTS = ("test", "validation")
STEPS = [step / 100 for step in range(101)]
TABS = ("Mistakes", "Classification report", "All numbers")
FEW = 100  # pictures of a class, under which the intervals are known to be too narrow

left, bar = st.columns([1, 3.4], vertical_alignment="bottom")
title = left.container(gap=None)
title.title("Evaluate")

runs = state.runs()
if not runs:
    title.caption("How good is it, and how sure are we")
    with st.container(border=True):
        st.markdown(
            "**There is no run to judge yet.** Its ROC curve, its AUC with a 95% interval and its "
            "mistakes stand here as soon as a first training has ended."
        )
        st.page_link("app_pages/train.py", label="Train", icon=":material/arrow_forward:")
    st.stop()

choosers = bar.container(horizontal=True, vertical_alignment="bottom")
with choosers:
    run = state.choose_run(runs)
title.caption(state.describe(run))
positive = words.markdown(run.class_names[1], 24)
negatives, positives = (words.markdown(words.plural(name), 24) for name in run.class_names)

others = [other.id for other in runs if other.judged and other.id != run.id]
if not run.judged:
    unjudged.show(run, others)
    st.stop()


# --- choose ---------------------------------------------------------------------------------------


def choose_interval() -> str:
    """A bound select box would write its labels into the URL: this one mirrors its ids by hand."""
    key, usual = "interval", "hanley-mcneil"
    asked = st.query_params.get(key)
    kept = st.session_state.get(key, asked if asked in INTERVALS else state.last(key))
    method = st.selectbox(
        "Interval", list(INTERVALS), list(INTERVALS).index(kept or usual), key=key,
        format_func=INTERVALS.get, width="stretch",
        help=f"How the 95% interval is made. {intervals.AUC_METHODS['hanley-mcneil']}: the "
        f"AUC ± 1.96 standard errors. {intervals.AUC_METHODS['newcombe']}: it keeps its width "
        "where the AUC comes near 1. Rates have Wilson intervals.",
    )  # fmt: skip
    state.mirror(key, method, usual)
    return method


with choosers:
    method = choose_interval()
    part = st.segmented_control(
        "Judge on", PARTS, default="test", required=True, key=state.carry("split", PARTS),
        bind="query-params",
    )  # fmt: skip
    more = st.popover("…", on_change="rerun", help="Link, files, heatmaps")
part = part if part in PARTS else "test"

try:
    told = state.predictions(run.id, run.weights_sha256, part)
    chosen_on = state.predictions(run.id, run.weights_sha256, "validation")
    first = evaluate.judge(run, part, told, evaluate.THRESHOLD, method)
except (CamsightError, OSError, KeyError, ValueError, BadZipFile) as error:
    reason = str(error) if isinstance(error, CamsightError) else "predictions.npz is damaged"
    st.error(
        f"{words.markdown(reason.rstrip('.'))}. Its weights are kept; train it again on Train for "
        "figures.",
        title=f"The predictions of {run.id} cannot be read",
    )
    unjudged.ways_on(run, others)
    st.stop()

auc = first.interval
few = min(auc.n_positive, auc.n_negative)
if run.error:
    st.warning(f"{words.markdown(run.error)} The figures are those of epoch {run.best_epoch}.")
if part == "validation":
    st.warning(
        "The best epoch was chosen on these pictures, so they flatter the model. Quote the "
        "figures on test.",
        icon=":material/warning:",
    )
if few < FEW:
    st.warning(
        f"Only {words.count(auc.n_negative)} {negatives} and {words.count(auc.n_positive)} "
        f"{positives}: with under {FEW} pictures of a class, 95% intervals hold the truth less "
        "often than they say.",
        icon=":material/warning:",
    )
if auc.method != method:
    st.caption(
        f"At an AUC of {auc.value:g} Hanley & McNeil's standard error is 0, which would claim "
        "certainty: its interval comes from Newcombe (2006, method 5)."
    )


# --- what stands in the link ----------------------------------------------------------------------


def link_here(threshold: float) -> str:
    """The address of what is shown, complete: the address bar leaves out what is a default."""
    what = mistakes.chosen()
    keys = {"run": run.id, "interval": method, "split": part, "t": f"{threshold:.2f}"}
    keys["cell" if what in evidence.CELLS else "err"] = what
    return f"{urlsplit(st.context.url or '')._replace(query=urlencode(keys)).geturl()}"


# --- curves, threshold, matrix --------------------------------------------------------------------


def draw_roc(found: evaluate.Evaluation) -> None:
    st.markdown("## ROC curve")
    c, curve = found.confusion, found.curve()
    point = (1 - c.specificity, c.sensitivity, found.threshold)
    wrong, hit = intervals.wilson(c.fp, c.fp + c.tn), intervals.wilson(c.tp, c.tp + c.fn)
    figure = charts.roc(
        curve.fpr, curve.tpr, curve.thresholds, point, run.class_names,
        cross=(wrong.low, wrong.high, hit.low, hit.high),
    )  # fmt: skip
    alt = (
        f"ROC curve of {run.id} on {part}, AUC {words.three_digits(found.interval.value)}; at "
        f"threshold {found.threshold:.2f}, sensitivity {words.percent(c.sensitivity)} and "
        f"specificity {words.percent(c.specificity)}."
    )
    charts.show(figure, "roc", alt)


def draw_scores(found: evaluate.Evaluation) -> None:
    figure = charts.scores_by_class(found.y_true, found.y_score, found.threshold, run.class_names)
    first_class, second_class = (words.plural(words.plain(n, 24)) for n in run.class_names)
    alt = (
        f"Scores by class: half of the {second_class} score above "
        f"{np.median(found.y_score[found.y_true == 1]):.2f}, half of the {first_class} below "
        f"{np.median(found.y_score[found.y_true == 0]):.2f}."
    )
    charts.show(figure, "scores", alt)


def choose_threshold() -> float:
    at = st.slider(
        f"Threshold: say “{positive}” from this score on", 0.0, 1.0, evaluate.THRESHOLD, 0.01,
        key=state.carry("t", STEPS, evaluate.THRESHOLD), bind="query-params",
    )  # fmt: skip
    return round(at, 2)


def threshold_buttons() -> None:
    """They choose on validation also when judged on test: chosen on test they would flatter it."""
    curve = roc.roc_curve(chosen_on["y_true"], chosen_on["y_score"])
    rules = (
        ("Youden", thresholds.youden, "The largest sensitivity + specificity − 1"),
        ("Closest to corner", thresholds.closest_to_corner, "The point of the ROC curve closest "
         "to the corner of a perfect model"),
    )  # fmt: skip
    with st.container(horizontal=True):
        for name, rule, what in rules:
            step = figures.hundredth(rule(curve))
            st.button(
                name,
                on_click=lambda step=step: st.session_state.update(t=step),
                help=f"{what}: {step:.2f}. It is chosen on the validation pictures: chosen on the "
                "test pictures, it would flatter the figures on them.",
            )


def take_click() -> None:
    """Of the matrix, before anything is drawn; a click on the chosen cell frees it."""
    cell = getattr(st.session_state.get("matrix"), "clicked", None)
    if cell in evidence.CELLS:
        mistakes.choose(None if cell == mistakes.chosen() else cell)
        st.session_state["evaluate_tab"] = TABS[0]


def draw_matrix(found: evaluate.Evaluation) -> None:
    st.markdown("## Confusion matrix")
    c, what = found.confusion, mistakes.chosen()
    evidence.confusion_matrix(
        c.tn, c.fp, c.fn, c.tp, run.class_names, key="matrix",
        chosen=what if what in evidence.CELLS else None,
    )  # fmt: skip
    evidence.cards(figures.precisions(found), key="precisions", small=True)


# --- details --------------------------------------------------------------------------------------


def report(found: evaluate.Evaluation) -> None:
    st.caption(
        f"scikit-learn's report on the {part} split, at a threshold of {found.threshold:.2f}."
    )
    st.code(found.report(), language=None)


def all_numbers(found: evaluate.Evaluation) -> None:
    names = ("Figure", "Value", "95% interval", "Where it comes from")
    columns = zip(*figures.table(found, method), strict=True)
    table = {
        name: [words.markdown(cell) for cell in column]
        for name, column in zip(names, columns, strict=True)
    }
    st.table(table, border="horizontal", hide_index=True)
    st.caption("The closing line of the blog post that this project began from:")
    st.code(found.closing_line(), language=None, wrap_lines=True)


@st.fragment
def judged() -> None:
    """All that depends on the threshold; moving it redraws no more than this."""
    take_click()
    cards = st.container()
    with st.grid(3, min_column_width=330, gap="medium"):
        left, middle, right = st.container(), st.container(), st.container()
    with middle:
        st.markdown("## Scores by class")
        chart = st.container()
        threshold = choose_threshold()
        state.keep_keys()  # all choosers are drawn; one may leave before the figures are
        threshold_buttons()
    found = evaluate.judge(run, part, told, threshold, method)
    with cards:
        evidence.cards(figures.cards(found, method), key="figures")
    with left:
        draw_roc(found)
    with chart:
        draw_scores(found)
    with right:
        draw_matrix(found)
    bodies = (mistakes.gallery, report, all_numbers)
    tabs = st.tabs(TABS, key="evaluate_tab", on_change="rerun")
    for tab, body in zip(tabs, bodies, strict=True):
        if tab.open:
            with tab:
                body(found)


judged()


# --- take it along --------------------------------------------------------------------------------


def csv() -> str:
    """Readable by `python -m engine auc`; `row` is the picture's place in the dataset."""
    rows = zip(told["indices"], told["y_true"], told["y_score"], strict=True)
    lines = [f"{int(row)},{int(truth)},{float(score)!r}" for row, truth, score in rows]
    return "\n".join(["row,y_true,y_score", *lines]) + "\n"


if more.open:
    here = evaluate.judge(run, part, told, round(st.session_state["t"], 2), method)
    with more:
        st.caption("Link to what is shown")
        st.code(link_here(here.threshold), language=None, wrap_lines=True)
        st.download_button(
            "Predictions as CSV", csv(), f"{run.id}-{part}.csv", "text/csv",
            icon=":material/download:", width="stretch", on_click="ignore",
        )  # fmt: skip
        known = {"run": run.id, "split": part, **here.figures, "seconds": run.seconds}
        st.download_button(
            "Figures as JSON", json.dumps(known, indent=1), f"{run.id}-{part}.json",
            "application/json", icon=":material/download:", width="stretch", on_click="ignore",
        )  # fmt: skip
        st.page_link(
            "app_pages/explain.py", label=f"Explain {run.id}",
            icon=":material/center_focus_strong:", query_params={"run": run.id},
        )  # fmt: skip
