"""What one chooses on Explain; all of it stands in the address."""

from dataclasses import dataclass

import streamlit as st

from dashboard import state, words
from dashboard.explain import own
from dashboard.explain.gallery import Look
from dashboard.explain.heat import SAID
from dashboard.explain.pictures import Picture, at_random, here, of_run, one_of_each
from dashboard.parts import pictures, results
from dashboard.parts.params import Param
from engine import identity
from engine.cam.overlay import COLOUR_MAPS, OPACITIES
from engine.errors import CamsightError
from engine.runs.record import Run

OUTCOMES, RANDOM, OWN = "one of each outcome", "random 20", "my own pictures"
CALLED = {OUTCOMES: "each outcome"}  # where there is little room
RANDOM_COUNT, DRAWS = 20, 10_000
SIDE_BY_SIDE, LETTERS = 4, 60  # classes, and letters of their names; more are in a box
LAYER, TARGET, PICTURES = Param("layer"), Param("target"), Param("pics", default=OUTCOMES)
VIEW = Param("view", ["overlay", "heatmap"])
COLOUR_MAP = Param("map", list(COLOUR_MAPS))
OPACITY = Param("opacity", range(0, 101, 5), 75)
OPACITY_BY = Param("by", list(OPACITIES))
DRAW = Param("draw", default="1")


@dataclass(frozen=True)
class Source:
    """Where the pictures come from; problem: why it cannot be the run's own dataset."""

    name: str
    linked: tuple[str, int] | None = None  # part and place of the one picture of a link
    problem: str = ""


# --- the bar --------------------------------------------------------------------------------------


def choose_layer(run: Run) -> str:
    layers = list(run.layers[::-1])
    asked = LAYER.asked()
    layer = st.selectbox(
        "Layer", layers, key=LAYER.carry(layers), bind="query-params", width="stretch",
        help="The maps of this layer become the heatmap. The last one (first in the list) says "
        "most about the class and least about the place; earlier ones are finer.",
    )  # fmt: skip
    if asked and asked not in layers:
        name = words.markdown(asked, 24)
        LAYER.remark(f"{run.id} has no layer {name}; {layer} is shown.", (run.id, layer))
    return layer


def choose_target(run: Run) -> str:
    targets = [SAID, *run.class_names]
    asked = TARGET.asked()
    shared = {"key": TARGET.carry(targets), "bind": "query-params"}
    if len(run.class_names) > SIDE_BY_SIDE or len("".join(run.class_names)) > LETTERS:
        target = st.selectbox("Heat for", targets, width="stretch", **shared)
    else:
        target = st.segmented_control("Heat for", targets, default=SAID, required=True, **shared)
    target = target or SAID  # an empty value in the address chooses nothing
    if asked and asked not in targets:
        known = words.classes(run.class_names)
        if run.question:  # whose sides are named after the classes that each consists of
            known = f"the two sides of {results.question(run)}"
        name, shown = words.markdown(asked, 24), words.markdown(target, 24)
        sentence = (
            f"{run.id} has no class {name} but {words.markdown(known)}; the heat is for {shown}."
        )
        TARGET.remark(sentence, (run.id, target))
    return target


def choose_source(run: Run) -> Source:
    """Not bound to the address, where a picture is named by what is in it and not by its file."""
    wanted, linked, name = PICTURES.start(PICTURES.asked()), None, ""
    sets = [OUTCOMES, RANDOM, OWN]
    try:
        here(run, "test")
        if wanted not in sets and (linked := pictures.find(run, wanted)):
            (picture,) = of_run(run, linked[0], [linked[1]])
            wanted, name = picture.id[: identity.SHORT], words.plain(picture.name, 40)
    except CamsightError as error:
        st.selectbox("Pictures", [OWN], width="stretch")
        return Source(OWN, problem=str(error))
    options = [OUTCOMES, RANDOM, wanted, OWN] if linked else sets
    if wanted not in options:
        PICTURES.remark(
            f"There is no picture {words.markdown(wanted, 24)} among those that {run.id} was "
            f"judged on and that are still here; {OUTCOMES} is shown.",
            (run.id, OUTCOMES),
        )
        wanted = OUTCOMES
    chosen = PICTURES.select_box(
        "Pictures", options, wanted,
        format_func=lambda one: CALLED.get(one, one) if one in sets else name,
    )  # fmt: skip
    return Source(chosen, linked if chosen not in sets else None)


def choose_look() -> Look:
    with st.popover("Look", icon=":material/palette:"):
        view = st.segmented_control(
            "View", VIEW.options, default="overlay", required=True, key=VIEW.carry(),
            bind="query-params",
        )  # fmt: skip
        colour_map = st.selectbox(
            "Colour map", COLOUR_MAP.options, key=COLOUR_MAP.carry(), bind="query-params",
            help="Inferno, Viridis and Cividis grow evenly in brightness; Ocean is the blog "
            "post's.",
        )  # fmt: skip
        opacity = st.slider(
            "Opacity", 0, 100, OPACITY.default, 5, format="%d%%", key=OPACITY.carry(),
            bind="query-params",
        )  # fmt: skip
        by = st.segmented_control(
            "Opacity is", OPACITY_BY.options, default=OPACITIES[0], required=True,
            key=OPACITY_BY.carry(), bind="query-params",
            help="By heat: cold places keep the picture's own colour. Even: the map lies "
            "everywhere.",
        )  # fmt: skip
    return Look(view or VIEW.options[0], colour_map, opacity / 100, by or OPACITIES[0])


# --- the line under it ----------------------------------------------------------------------------


def another_draw() -> None:
    if st.button("Another 20", icon=":material/shuffle:"):
        DRAW.write(str((_draw() + 1) % DRAWS))


def _draw() -> int:
    """Which draw the address asks for; the first for what is no number."""
    asked = DRAW.asked() or ""
    return int(asked) % DRAWS if asked.isascii() and asked.isdecimal() else 1


# --- the pictures ---------------------------------------------------------------------------------


def chosen_pictures(run: Run, source: Source) -> list[Picture]:
    """The pictures to explain.

    Raises:
        CamsightError: if those of the dataset cannot be read.
    """
    if source.name == OWN:
        return own.show_uploader(run)
    own.put_aside()
    if source.linked:
        part, place = source.linked
        return of_run(run, part, [place])
    places = here(run, "test")
    if source.name == RANDOM:
        return of_run(run, "test", at_random(places, RANDOM_COUNT, _draw()))
    return of_run(run, "test", one_of_each(state.predictions(run, "test"), places))
