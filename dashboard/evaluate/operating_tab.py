"""The tab of operating points: which threshold is worth what, where the model will be used."""

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
import streamlit as st

from dashboard import state, words
from dashboard.evaluate.judged import file_name, rates
from dashboard.evaluate.made import HOW, digest
from dashboard.evaluate.threshold import THRESHOLD
from dashboard.parts import downloads, evidence
from dashboard.parts.evidence import Card
from dashboard.parts.params import Param
from engine.commands import evaluate
from engine.commands.evaluate import Evaluation
from engine.errors import CamsightError
from engine.evaluation import bands, operating, thresholds
from engine.evaluation.estimates import Estimate
from engine.evaluation.operating import Predictive, Table
from engine.evaluation.partial import RATES, PartialAuc, partial_auc
from engine.evaluation.roc import RocCurve

PREVALENCE = Param("prevalence")
COST_FALSE_POSITIVE = Param("cost-fp", default=1.0)
COST_FALSE_NEGATIVE = Param("cost-fn", default=1.0)
PARTIAL_OF = Param("partial-of", RATES)
PARTIAL_FROM = Param("partial-from", default=0.9)
PARTIAL_TO = Param("partial-to", default=1.0)
SHOWN = 1000  # thresholds of a table on the page; more are thinned
COUNTED = 1000  # pictures that a cost is of


@dataclass(frozen=True)
class Use:
    """Where the model will be used: the share of positives there, and what mistakes cost."""

    prevalence: float
    false_positive: float
    false_negative: float

    def cost(self, hit: float, left_alone: float) -> float:
        """Of a picture, on average, from sensitivity and specificity."""
        missed = self.prevalence * self.false_negative * (1 - hit)
        return missed + (1 - self.prevalence) * self.false_positive * (1 - left_alone)


def show(found: Evaluation, key: str = THRESHOLD.key) -> None:
    """Costs and prevalence, the points they and two rules choose, what answers mean there.

    Args:
        key: of the slider in the session's state, which a point's button sets.
    """
    use = _use(found)
    left, right = st.columns(2, gap="large")
    with left:
        _points(found, use, key)
    with right:
        _predictive(found, use)
        _partial(found)
    _table(found)


def _use(found: Evaluation) -> Use:
    negative, positive = (words.markdown(name, 24) for name in found.class_names)
    share = float((found.y_true == 1).mean())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        prevalence = st.number_input(
            f"Share of {positive} where it will be used, in %", 0.001, 99.999, None, format="%.4g",
            placeholder=f"{100 * share:.4g}, as here", key=PREVALENCE.carry(), bind="query-params",
            help="The prevalence. Sensitivity and specificity stay when it changes, predictive "
            "values do not. Empty, it is that of these pictures.",
        )  # fmt: skip
        false_positive = _cost(f"Cost of {negative} taken for {positive}", COST_FALSE_POSITIVE)
        false_negative = _cost(f"Cost of {positive} taken for {negative}", COST_FALSE_NEGATIVE)
    return Use(share if prevalence is None else prevalence / 100, false_positive, false_negative)


def _cost(label: str, param: Param) -> float:
    return st.number_input(
        label, 0.001, 1e6, param.default, format="%.4g", key=param.carry(), bind="query-params",
        help="In any unit: only the ratio of both counts.",
    )  # fmt: skip


# --- points ---------------------------------------------------------------------------------------


def _points(found: Evaluation, use: Use, key: str) -> None:
    chosen_on, curve = _chooses(found)
    best = {
        "Youden": thresholds.youden(curve),
        "Closest to corner": thresholds.closest_to_corner(curve),
        "Cheapest": operating.by_cost(
            curve, use.prevalence, use.false_positive, use.false_negative
        ),
    }
    counts = _counts(digest(found), found)
    rows = [_row("As chosen", found.threshold, found, counts, use)]
    rows += [_row(name, at, found, counts, use) for name, at in best.items()]
    downloads.table(
        "Operating points", {name: [row[name] for row in rows] for name in rows[0]}, "points",
        f"{file_name(found)}-points",
    )  # fmt: skip
    with st.container(horizontal=True):
        for name, at in best.items():
            st.button(
                f"Take {name.lower() if name != 'Youden' else name}", key=f"take-{name}",
                on_click=lambda at=at: st.session_state.update({key: at}), disabled=at == inf,
            )  # fmt: skip
    st.caption(
        f"Chosen on {chosen_on}; rates and costs are of those that are judged here. Youden: the "
        "largest sensitivity + specificity − 1. Cheapest: the smallest cost at the share and the "
        "costs above."
    )
    if best["Cheapest"] == inf:
        name = words.markdown(found.class_names[1], 24)
        st.caption(f"At these costs it is cheapest never to say “{name}”, whatever the picture.")


def _chooses(found: Evaluation) -> tuple[str, RocCurve]:
    """The curve on which points are chosen, in words and as it is: validation, where there is."""
    run = found.run
    if run is not None:
        try:
            return "the validation pictures", _curve_of_validation(
                str(run.folder), run.weights_sha256, found.target, run
            )
        except CamsightError:
            pass  # the threshold's own rules say that it cannot be read
    return "these very scores, which flatters a little", _curve(digest(found), found)


@st.cache_data(max_entries=64, show_spinner=False)
def _curve_of_validation(folder: str, weights_sha256: str, target: int | None, _run) -> RocCurve:
    predicted = state.predictions(_run, "validation")
    return evaluate.judge(_run, "validation", predicted, evaluate.THRESHOLD, target=target).curve()


@st.cache_data(max_entries=32, show_spinner=False)
def _curve(scores: str, _found: Evaluation) -> RocCurve:
    return _found.curve()


@st.cache_data(max_entries=32, show_spinner=False)
def _counts(scores: str, _found: Evaluation) -> Table:
    return operating.table(_found.y_true, _found.y_score)


def _row(name: str, at: float, found: Evaluation, counts: Table, use: Use) -> dict[str, str]:
    at_it = counts.at(at)
    return {
        "Point": name,
        "Threshold": words.threshold(at) if isfinite(at) else "above every score",
        "Sensitivity": words.percent(at_it.sensitivity),
        "Specificity": words.percent(at_it.specificity),
        f"Cost of {words.count(COUNTED)}":
            f"{COUNTED * use.cost(at_it.sensitivity, at_it.specificity):,.4g}",
    }  # fmt: skip


# --- answers --------------------------------------------------------------------------------------


def _predictive(found: Evaluation, use: Use) -> None:
    level = found.interval.level
    made = operating.at_prevalence(found.confusion, use.prevalence, level, rates(found))
    st.markdown(f"## At a share of {words.markdown(_share(use.prevalence))}")
    evidence.cards(predictive_cards(made, found.class_names), key="predictive", small=True)
    st.caption(
        f"At the threshold {words.threshold(found.threshold)}. A likelihood ratio says how many "
        "times the odds rise or fall with the answer; predictive values follow from it by Bayes."
    )


def _share(value: float) -> str:
    return f"{100 * value:.4g}%"


def predictive_cards(made: Predictive, class_names: tuple[str, str]) -> list[Card]:
    """Predictive values and likelihood ratios, each with its interval, or why there is none."""
    negative, positive = (words.plain(name, 16) for name in class_names)
    return [
        _answer(f"Said “{positive}”, is {positive}", made.ppv, words.percent),
        _answer(f"Said “{negative}”, is {negative}", made.npv, words.percent),
        _answer("Likelihood ratio +", made.lr_positive, ratio),
        _answer("Likelihood ratio −", made.lr_negative, ratio),
    ]


def _answer(label: str, of: Estimate | None, form) -> Card:
    if of is None:
        return Card(label, words.NOTHING, "never said at this threshold")
    if isfinite(of.high):
        bounds = words.interval(of.low, of.high, form, of.level)
    else:
        bounds = words.interval(of.low, of.high, form, of.level, side="lower")
    is_share = form is words.percent
    track = evidence.track(of.value, of.low, of.high, percent=True) if is_share else None
    return Card(label, form(of.value), f"{bounds} · Donner-Zou", "", track)


def ratio(value: float) -> str:
    """A likelihood ratio: "4.50", "0.125", "312", "∞"."""
    if value == inf:
        return "∞"
    return f"{value:.3g}" if value < 1 else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def _partial(found: Evaluation) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        of = st.selectbox(
            "Partial AUC over a range of", RATES, key=PARTIAL_OF.carry(), bind="query-params",
            help="The area of the part of the curve where the model will be used. Corrected "
            "(McClish 1989) it reads like an AUC: 0.5 is chance, 1 is perfect.",
        )  # fmt: skip
        start = st.number_input("from", 0.0, 1.0, PARTIAL_FROM.default, 0.05, format="%.4g",
                                key=PARTIAL_FROM.carry(), bind="query-params")  # fmt: skip
        end = st.number_input("to", 0.0, 1.0, PARTIAL_TO.default, 0.05, format="%.4g",
                              key=PARTIAL_TO.carry(), bind="query-params")  # fmt: skip
    try:
        made = _part(digest(found), found.interval.level, of, start, end, found)
    except CamsightError as error:
        st.warning(words.markdown(error))
        return
    evidence.cards(_partial_cards(made, found), key="partial", small=True)


def _partial_cards(made: PartialAuc, found: Evaluation) -> list[Card]:
    chance = (made.end - made.start) * (2 - made.start - made.end) / 2
    most = f"{made.end - made.start:.4g} is perfect"
    line = words.evidence_line(
        words.interval(made.corrected_low, made.corrected_high, sure=made.level), HOW[made.method],
        len(found.y_true), "" if found.run else "rows", made.subjects,
    )  # fmt: skip
    area = words.interval(made.low, made.high, sure=made.level)
    track = evidence.track(made.corrected, max(0.0, made.corrected_low), made.corrected_high)
    return [
        Card("Partial AUC, corrected", words.three_digits(made.corrected), line,
             "0.5 is chance", track),
        Card("Partial AUC", words.three_digits(made.value), area,
             f"{chance:.3g} is chance, {most}"),
    ]  # fmt: skip


@st.cache_data(max_entries=64, show_spinner=False)
def _part(
    scores: str, level: float, of: str, start: float, end: float, _found: Evaluation
) -> PartialAuc:
    return partial_auc(_found.y_true, _found.y_score, start, end, of, level, _found.groups)


# --- the table over thresholds --------------------------------------------------------------------


def _table(found: Evaluation) -> None:
    counts = _counts(digest(found), found)
    k = len(counts.thresholds)
    shown = counts if k <= SHOWN else bands.thinned(counts)
    columns = columns_of(shown)
    downloads.files("Every threshold", columns, "thresholds", f"{file_name(found)}-thresholds")
    if k > SHOWN:
        st.caption(
            f"{words.count(len(shown.thresholds))} of {words.count(k)} thresholds, spread over the "
            "curve; the ROC curve's CSV has every one."
        )
    rates_as_percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        columns, hide_index=True, height=320,
        column_config=dict.fromkeys(_RATES, rates_as_percent), key="thresholds-rows",
    )  # fmt: skip


_RATES = ("sensitivity", "specificity", "precision", "negative predictive value", "accuracy")


def columns_of(counts: Table) -> dict[str, np.ndarray]:
    """Counts and rates at each threshold, `(k,)` each; NaN where a rate does not exist."""
    tn, fp, fn, tp = counts.tn, counts.fp, counts.fn, counts.tp
    parts = ((tp, fn), (tn, fp), (tp, fp), (tn, fn), (tp + tn, fp + fn))
    shares = {
        name: np.divide(right, right + wrong, out=np.full(len(tp), np.nan),
                        where=right + wrong > 0)
        for name, (right, wrong) in zip(_RATES, parts, strict=True)
    }  # fmt: skip
    return {"threshold": counts.thresholds, "TN": tn, "FP": fp, "FN": fn, "TP": tp, **shares}
