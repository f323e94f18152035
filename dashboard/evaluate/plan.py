"""Before pictures are collected: how many are needed, by what is assumed of the AUC."""

import numpy as np
import streamlit as st

from dashboard import words
from dashboard.evaluate import fold_charts
from dashboard.parts import downloads
from dashboard.parts.params import Param
from engine.commands.plan import Plan, Wanted, plan
from engine.errors import CamsightError
from engine.evaluation.level import LEVEL
from engine.runs.record import Run

ASSUMED = Param("plan-auc", default=0.9)
OF = "_plan-of"  # the run whose AUC was assumed
OTHER = Param("plan-other", default=0.93)
SHARE = Param("plan-positives", default=0.5)
WIDTH = Param("plan-width", default=0.1)
POWER = Param("plan-power", default=0.8)
TOGETHER = Param("plan-correlation", default=0.5)
PAIRED = Param("plan-paired", default=True)
SIMULATE = Param("plan-simulate", default=False)
SIZES = [round(n) for n in np.geomspace(20, 20000, 25)]
SIMULATED = [n for n in SIZES if n <= 2500][::3]


def show(run: Run | None, level: float = LEVEL) -> None:
    """Width and power against the number of pictures.

    Args:
        run: whose AUC is what is assumed at first.
    """
    st.caption(
        "How many pictures to judge on? A test part is a tenth of a dataset; a cross-validation "
        "judges on all of it."
    )
    wanted = _choose(run, level)
    simulate = st.toggle(
        "Simulate", SIMULATE.default, key=SIMULATE.carry(), bind="query-params",
        help="Normal scores are drawn many times and judged by the default interval and by "
        "DeLong's test. The formulas know neither skewed intervals nor few pictures.",
    )  # fmt: skip
    try:
        found = _plan(wanted, tuple(SIZES), False)
        beside = _plan(wanted, tuple(SIMULATED), True) if simulate else None
    except CamsightError as error:
        st.warning(words.markdown(error))
        return
    st.markdown("  \n".join(words.markdown(one) for one in found.sentences()[:-1]))
    left, right = st.columns(2, gap="medium")
    with left:
        _width(found, beside)
    with right:
        _power(found, beside)


def _choose(run: Run | None, level: float) -> Wanted:
    start = _assumed_at_first(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        assumed = _number("Assumed AUC", ASSUMED, 0.5, 0.999, 0.01, start=start)
        other = _number("AUC of another model", OTHER, 0.5, 0.999, 0.01,
                        help_="To be told apart from the first.")  # fmt: skip
        share = _number("Share of positives", SHARE, 0.01, 0.99, 0.05)
        width = _number("Width of the interval", WIDTH, 0.005, 0.5, 0.01)
        power = _number("Power", POWER, 0.5, 0.99, 0.05,
                        help_="The chance to tell the two apart.")  # fmt: skip
        together = _number(
            "Correlation of scores", TOGETHER, 0.0, 0.99, 0.05,
            help_="Of the two models' scores within a class. Models of one kind mostly have 0.5 "
            "or more.",
        )  # fmt: skip
        paired = st.toggle(
            "On the same pictures", PAIRED.default, key=PAIRED.carry(), bind="query-params"
        )
    return Wanted(assumed, other, share, width, power, together, paired, level)


def _assumed_at_first(run: Run | None) -> float:
    """The AUC of the run that is looked at; of another one it is assumed anew."""
    if run is None:
        return ASSUMED.default
    start = min(0.995, max(0.5, round(run.figures["auc"], 3)))
    if st.session_state.get(OF, run.id) != run.id:
        st.session_state[ASSUMED.key] = start
    st.session_state[OF] = run.id
    return start


def _number(
    label: str, param: Param, low: float, high: float, step: float, help_: str | None = None,
    start: float | None = None,
) -> float:  # fmt: skip
    return st.number_input(
        label, low, high, param.default if start is None else start, step, "%g", key=param.carry(),
        bind="query-params", help=help_, width=160,
    )  # fmt: skip


@st.cache_data(max_entries=64, show_spinner="Simulating …")
def _plan(wanted: Wanted, sizes: tuple[int, ...], simulate: bool) -> Plan:
    if wanted.other == wanted.auc:
        wanted = Wanted(wanted.auc, None, wanted.positives, wanted.width, level=wanted.level)
    return plan(wanted, sizes, simulate=simulate)


def _width(found: Plan, beside: Plan | None) -> None:
    needed = sum(found.for_width)
    figure = fold_charts.against_n(
        [one.n for one in found.sizes],
        [max(one.width, one.newcombe_width) for one in found.sizes],
        "width of the interval", found.wanted.width, needed,
        beside and ([one.n for one in beside.sizes], [one.simulated_width for one in beside.sizes]),
    )  # fmt: skip
    alt = (
        f"Width of the {words.level(found.wanted.level)} interval against the number of pictures: "
        f"{words.count(needed)} give {found.wanted.width:g}."
    )
    downloads.chart("Width of the interval", figure, "plan-width-chart", alt, "plan-width",
                    lambda: _columns(found, beside))  # fmt: skip


def _power(found: Plan, beside: Plan | None) -> None:
    if found.for_power is None:
        st.caption("Two models with the same AUC cannot be told apart; assume another for one.")
        return
    needed = sum(found.for_power)
    figure = fold_charts.against_n(
        [one.n for one in found.sizes], [one.power for one in found.sizes],
        "power", found.wanted.power, needed,
        beside and ([one.n for one in beside.sizes], [one.simulated_power for one in beside.sizes]),
        percent=True,
    )  # fmt: skip
    wanted = found.wanted
    alt = (
        f"Chance to tell an AUC of {wanted.auc:g} from one of {wanted.other:g} against the number "
        f"of pictures: {words.count(needed)} give {words.percent(wanted.power)}."
    )
    downloads.chart("Power to tell two apart", figure, "plan-power-chart", alt, "plan-power",
                    lambda: _columns(found, beside))  # fmt: skip


def _columns(found: Plan, beside: Plan | None) -> dict[str, list]:
    rows = [*found.sizes, *(beside.sizes if beside else ())]
    names = ("n", "n_positive", "n_negative", "width", "newcombe_width", "power",
             "simulated_width", "simulated_power")  # fmt: skip
    return {
        name: ["" if (value := getattr(row, name)) is None else value for row in rows]
        for name in names
    }
