"""Explain: what a run looks at, picture by picture and method by method."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import state, words
from dashboard.explain import chooser, controls, gallery, heat, options, take_along
from dashboard.explain.controls import LAYER, TARGET
from dashboard.explain.gallery import Look
from dashboard.explain.heat import Wish
from dashboard.explain.pictures import Picture
from dashboard.parts import links, params
from dashboard.parts.choose import choose_run, describe, say_unfound, unfound
from dashboard.parts.params import RUN
from engine.cam.methods import METHODS
from engine.errors import CamsightError
from engine.runs.record import Run

MOST_UNKNOWN = 8  # things that a link asks for in vain, as they are said


def show() -> None:
    left, bar = st.columns([1, 4], vertical_alignment="bottom")
    title = left.container(gap="xsmall")
    title.title("Explain")
    runs = state.runs(judged=True)
    if not runs:
        title.caption("What a model looks at")
        nothing_to_explain()
        return
    with bar.container(horizontal=True, vertical_alignment="bottom"):
        run = choose_run(runs)
        unknown = [f"the method {words.plain(name, 24)}" for name in chooser.unknown()]
        unknown += options.unknown(run)
        layer = controls.choose_layer(run)
        target = controls.choose_target(run)
        source = controls.choose_source(run)
        look = controls.choose_look()
        asked = options.choose(run, layer)
        save = st.popover("Save", icon=":material/download:", on_change="rerun", key="save")
    title.caption(describe(run))
    wish = Wish(run, layer, target, (), asked)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        methods = chooser.choose(lambda method: heat.costs(wish, method))
        if source.name == controls.RANDOM:
            controls.another_draw()
    chosen = (run.id, methods, asked)
    if unknown:
        left_out = words.markdown(words.listed(unknown[:MOST_UNKNOWN]))
        sentence = f"The address asks for what does not exist here: {left_out}."
        chooser.SHOWN.remark(sentence, chosen)
    params.keep()  # heatmaps take a while, and one may leave before they are done
    say_unfound(run)
    for remark in (
        LAYER.remarked((run.id, layer)), TARGET.remarked((run.id, target)),
        chooser.SHOWN.remarked(chosen),
    ):  # fmt: skip
        if remark:
            st.warning(remark, icon=":material/link_off:")
    say_absent(run, source)
    try:
        pictures = controls.chosen_pictures(run, source)
    except CamsightError as error:
        st.error(words.markdown(error))
        return
    wish = replace(wish, methods=chooser.shown(methods))
    found = explain(wish, look, pictures) if pictures else []
    if save.open:
        with save, st.container(width=320):
            take_along.show(wish, look, found)


def nothing_to_explain() -> None:
    if asked := RUN.asked():
        st.warning(unfound(asked))
    with st.container(border=True):
        st.markdown(
            "**There is no run to look into yet.** Heatmaps need a model; as soon as a run has "
            "ended, its pictures are here."
        )
        st.page_link(links.TRAIN, label="Train one, or watch it", icon=":material/arrow_forward:")


def say_absent(run: Run, source: controls.Source) -> None:
    """Which pictures cannot be shown, and why; one's own still can."""
    if source.problem:
        st.warning(
            f"{words.markdown(source.problem)} Pictures of your own can still be explained.",
            icon=":material/hide_image:",
        )
    elif remark := controls.PICTURES.remarked((run.id, source.name)):
        st.warning(remark, icon=":material/link_off:")


# --- compute and show -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Cell:
    """Where a map stands, or will stand. row: of its picture, from 0."""

    row: int
    picture: Picture
    method: str
    place: DeltaGenerator


def explain(wish: Wish, look: Look, pictures: list[Picture]) -> take_along.Found:
    """Everything that is there at once, then what has to be computed, as it comes.

    Returns:
        what is shown in the end, picture by picture.
    """
    gallery.scale(wish, look.colour_map)
    control, refusals = st.empty(), st.container()
    rows = gallery.lay_out(len(pictures), wish.methods)
    pictures = [heat.kept_score(wish.run, one) if one.scores is None else one for one in pictures]
    for row, picture in zip(rows, pictures, strict=True):
        gallery.show_picture(row[""], wish.run, picture)
        for method in wish.methods:
            row[method].skeleton(height=gallery.WIDTH)
    try:
        pictures = score(wish.run, pictures, rows, control)
        cells = [
            Cell(at, picture, method, rows[at][method])
            for method in wish.methods
            for at, picture in enumerate(pictures)
        ]
        found = show_kept(wish, look, cells)
        if missing := [cell for cell in cells if cell not in found]:
            with waiting(wish.run, control) as say:
                heat.count_channels(wish.run, say)
            found |= make(wish, look, missing, control, refusals)
        else:
            control.empty()
    except CamsightError as error:
        for row in rows:
            for method in wish.methods:
                row[method].empty()
        control.error(words.markdown(error))
        return []
    by_picture = sorted(found, key=lambda cell: cell.row)
    return [(cell.picture, cell.method, found[cell]) for cell in by_picture]


@contextmanager
def waiting(run: Run, control) -> Iterator[Callable[[int], None]]:
    """While the run's model is loaded and asked; gives what says behind how many that waits.

    Streamlit ends the script as it is said, if the page was left.
    """
    with control.container(), st.spinner(f"Loading {run.id} …", show_time=True):
        place = st.empty()
        yield lambda behind: (
            place.caption(heat.waits(run.id, behind)) if behind else place.empty()
        )


def score(run: Run, pictures: list[Picture], rows: Sequence[dict], control) -> list[Picture]:
    """The pictures with what the model says of each, which is asked where it is not known."""
    unscored = [at for at, picture in enumerate(pictures) if picture.scores is None]
    if not unscored:
        return pictures
    pictures = list(pictures)
    with waiting(run, control) as say:
        known = heat.scored(run, [pictures[at] for at in unscored], say)
    for at, picture in zip(unscored, known, strict=True):
        pictures[at] = picture
        gallery.show_picture(rows[at][""], run, picture)
    return pictures


def show_kept(wish: Wish, look: Look, cells: Sequence[Cell]) -> dict:
    """Draw the maps that were made before; returns them by their cells."""
    found = {}
    for cell in cells:
        if (one := heat.kept(wish, cell.picture, cell.method)) is not None:
            found[cell] = one
            gallery.show_heat(cell.place, wish, look, cell.picture, one, cell.row)
    return found


def make(wish: Wish, look: Look, missing: Sequence[Cell], control, refusals) -> dict:
    """Compute the maps that are missing, one by one, until one says stop; returns them by their
    cells. A method that cannot be used here is said, and does not keep the others from being made.
    """
    with control.container(horizontal=True, vertical_alignment="center"):
        bar = st.empty()
        stopped = st.button("Stop here", icon=":material/stop_circle:", key="stop")
    if stopped:
        say_stopped(missing, control)
        return {}
    bar.progress(0.0, "Heatmaps")
    pace = heat.Pace([cell.method for cell in missing], bar.progress)
    found, refused = {}, {}
    for at, cell in enumerate(missing):
        if cell.method in refused:
            cell.place.empty()
            continue
        try:
            one = heat.made(
                wish, cell.picture, cell.method,
                progress=lambda done, total, at=at: pace.tell(at, done, total),
                waiting=lambda behind, at=at: pace.wait(at, behind),
            )  # fmt: skip
        except CamsightError as error:
            refused[cell.method] = error
            cell.place.empty()
            continue
        found[cell] = one
        gallery.show_heat(cell.place, wish, look, cell.picture, one, cell.row)
    control.empty()
    for method, error in refused.items():
        title = f"{METHODS[method].title} cannot be made"
        refusals.error(words.markdown(error), title=title)
    return found


def say_stopped(missing: Sequence[Cell], control) -> None:
    for cell in missing:
        cell.place.caption("Stopped before this map was made.")
    with control.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Stopped; {len(missing)} maps are missing.")
        st.button("Go on", icon=":material/play_arrow:")


show()
