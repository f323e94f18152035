"""How heatmaps are asked for beside layer and target; all of it stands in the address."""

from dataclasses import dataclass

import streamlit as st

from dashboard import words
from dashboard.parts.params import Param
from engine.cam.heatmaps import COMBINE, PRECISIONS, SCORES
from engine.runs.record import Run

AS_PUBLISHED = "as published"
ALSO = Param("also", default=[])
JOIN = Param("join", list(COMBINE))
SCORE = Param("score", [AS_PUBLISHED, *SCORES])
FLIPS, EIGEN = Param("flips", default=False), Param("eigen", default=False)
FLOATS = Param("floats", list(PRECISIONS))


@dataclass(frozen=True)
class Options:
    """also: further layers whose maps are joined with the layer's own. score: "" is each method's
    own."""

    also: tuple[str, ...] = ()
    combine: str = "mean"
    score: str = ""
    flips: bool = False
    eigen: bool = False
    precision: str = "float32"


AS_USUAL = Options()


def unknown(run: Run) -> list[str]:
    """What the address asks for and nothing knows, in words; called before widgets drop it."""
    layers = [one for one in st.query_params.get_all(ALSO.key) if one not in ("", *run.layers)]
    return [f"the further layer {words.plain(one, 24)}" for one in layers] + [
        f"{what} {words.plain(asked, 24)}"
        for what, param in (("the join", JOIN), ("the score", SCORE), ("the precision", FLOATS))
        if (asked := param.asked()) and asked not in param.options
    ]


def in_words(chosen: Options) -> str:
    """What is not as usual, in plain text; "" where all is."""
    how = {"mean": "the mean", "max": "the largest"}[chosen.combine]
    return words.listed([
        *([f"{how} of several layers"] if chosen.also else []),
        *([f"the {chosen.score} as the score"] if chosen.score else []),
        *(["smoothed by flips"] if chosen.flips else []),
        *(["smoothed by eigenvectors"] if chosen.eigen else []),
        *(["bfloat16 allowed"] if chosen.precision == "auto" else []),
    ])  # fmt: skip


def choose(run: Run, layer: str) -> Options:
    with st.popover("Options", icon=":material/tune:"):
        also = _choose_layers(run, layer)
        combine = _one_of(
            "Joined by", JOIN, "Each layer's map is drawn from 0 to 1; then their mean is taken, "
            "or the largest of them.", disabled=not also,
        )  # fmt: skip
        score = _one_of(
            "Score", SCORE, "What gradients are taken of and masked pictures are compared by: "
            "logit, before the last activation, or probability, after it. As published is what "
            "each method's paper takes.",
        )  # fmt: skip
        flips = _switch("Smooth by flips", FLIPS, "The mean of the map and of the mirrored "
                        "picture's map, mirrored back: twice the passes.")  # fmt: skip
        eigen = _switch("Eigen smoothing", EIGEN, "Channels are added along their first principal "
                        "component: less noise, and less of the class.")  # fmt: skip
        precision = _one_of(
            "Precision", FLOATS, "auto: passes in bfloat16 where this processor has instructions "
            "for it, which is faster and changes maps a little; a map made so says so.",
        )  # fmt: skip
    own = "" if score == AS_PUBLISHED else score
    return Options(tuple(also), combine if also else "mean", own, flips, eigen, precision)


def _choose_layers(run: Run, layer: str) -> list[str]:
    others = [one for one in run.layers[::-1] if one != layer]
    asked = [one for one in others if one in st.query_params.get_all(ALSO.key)]
    start = [one for one in ALSO.start(asked or None) if one in others]
    also = st.multiselect(
        "Further layers", others, None if ALSO.overrule(start) else start, key=ALSO.widget,
        placeholder="none", select_all=False,
        help="Several layers at once: their maps become one. What makes a map of the whole network "
        "takes no layer.",
    )  # fmt: skip
    ALSO.write(also or None)
    return also


def _one_of(label: str, param: Param, remark: str, **more) -> str:
    chosen = st.segmented_control(
        label, param.options, default=param.options[0], required=True, key=param.carry(),
        bind="query-params", help=remark, **more,
    )  # fmt: skip
    return chosen or param.options[0]


def _switch(label: str, param: Param, remark: str) -> bool:
    return st.toggle(label, key=param.carry(), bind="query-params", help=remark)
