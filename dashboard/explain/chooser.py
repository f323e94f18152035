"""Which heatmap methods stand beside a picture: chosen by family, with what each costs."""

from collections.abc import Callable
from itertools import groupby

import streamlit as st

from dashboard import words
from dashboard.parts.params import Param
from engine.cam import methods
from engine.cam.methods import METHODS, Method

NONE = "none"  # in the address, where no usual method is chosen
MOST = 5  # maps beside a picture: six columns in all
WELL_KNOWN = {
    "grad-cam", "grad-cam++", "hires-cam", "layer-cam", "score-cam", "ablation-cam", "eigen-cam",
}  # fmt: skip
FIRST = [name for name in METHODS if name in WELL_KNOWN]
CONTROLS = [  # those that do not even ask for a class; the others are listed with the methods
    name for name, method in METHODS.items() if method.family == "control" and not method.of_class
]
MORE = [name for name in METHODS if name not in {*FIRST, *CONTROLS}]
SHOWN, OTHERS = Param("m", FIRST, list(methods.USUAL)), Param("mm", MORE, [])
BESIDE = Param("mc", CONTROLS, [])

Timed = Callable[[str], str]  # a method's name -> what it costs, in words


def choose(costs: Timed) -> tuple[str, ...]:
    """Three widgets with options of their own: the usual methods, more of them, and controls.

    Returns:
        Everything that is chosen, in the order in which it stands beside a picture.
    """
    linked = _linked()
    first = _pills("Methods", SHOWN, FIRST, _explained(FIRST, costs), linked)
    more = _choose_more(costs, linked) if MORE else []
    controls = []
    if CONTROLS:
        remark = "What any heatmap must beat: they have learnt nothing, and know no class."
        remark = f"{remark}\n{_explained(CONTROLS, costs)}"
        controls = _pills("Controls", BESIDE, CONTROLS, remark, linked)
    return *first, *more, *controls


def shown(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """Those of them for which a row has room; the others are said in a sentence."""
    if left := [METHODS[name].title for name in chosen[MOST:]]:
        st.warning(
            f"A row holds a picture and {MOST} maps: {words.listed(left)} "
            f"{'is' if len(left) == 1 else 'are'} not shown. Take another away to see "
            f"{'it' if len(left) == 1 else 'them'}.",
            icon=":material/view_column:",
        )
    return chosen[:MOST]


def _linked() -> list[str]:
    """What the address names under any of the three keys: whoever writes a link by hand need not
    know which widget a method stands in."""
    return [name for one in (SHOWN, OTHERS, BESIDE) for name in st.query_params.get_all(one.key)]


def unknown() -> list[str]:
    """Names in the address that are no methods."""
    return [name for name in dict.fromkeys(_linked()) if name and name not in {NONE, *METHODS}]


def _pills(
    label: str, param: Param, options: list[str], remark: str, linked: list[str]
) -> list[str]:
    known = [name for name in options if name in linked]
    elsewhere = {NONE, *METHODS} & set(st.query_params.get_all(param.key))
    start = param.start(known if known or elsewhere else None)
    chosen = st.pills(
        label, options, selection_mode="multi", key=param.widget,
        default=None if param.overrule(start) else start,
        format_func=lambda name: METHODS[name].title, help=remark,
    )  # fmt: skip
    chosen = [name for name in options if name in chosen]
    param.write(chosen or (NONE if param.default else None))
    return chosen


def _choose_more(costs: Timed, linked: list[str]) -> list[str]:
    asked = [name for name in MORE if name in linked]
    # Drawn anew when it is opened: its costs in seconds are known once maps were made.
    with st.popover("More methods", icon=":material/add:", on_change="rerun", key="more"):
        chosen = []
        for family, members in groupby(MORE, lambda name: METHODS[name].family):
            st.markdown(f"**{family.capitalize()}**")
            chosen += [one for one in members if _tick(METHODS[one], asked, costs(one))]
    OTHERS.write(chosen or None)
    return chosen


def _tick(method: Method, asked: list[str], costs: str) -> bool:
    """A box of its own, since a family's name stands above some of them; the address holds all that
    are ticked under one key."""
    box = Param(f"{OTHERS.key} {method.name}", default=False)
    start = box.start(method.name in asked if asked else None)
    return st.checkbox(
        f"{method.title} :gray[:small[{costs}]]", False if box.overrule(start) else start,
        key=box.widget, help=_idea(method),
    )  # fmt: skip


def _idea(method: Method) -> str:
    far = "" if method.exact else f" Approximate: {method.distance}."
    return f"{method.idea} {method.paper}.{far}"


def _explained(names: list[str], costs: Timed) -> str:
    """A line for each method of a row of pills, which have no room for it themselves."""
    return "\n".join(f"- **{METHODS[name].title}**: {costs(name)}" for name in names)
