"""Explain: what a run looks at, picture by picture and method by method."""

from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.explain import controls, gallery, heat
from dashboard.explain.controls import LAYER, TARGET
from dashboard.explain.gallery import Look
from dashboard.explain.heat import Wish
from dashboard.explain.pictures import Picture
from dashboard.parts import links, params
from dashboard.parts.choose import choose_run, describe, say_unfound, unfound
from dashboard.parts.params import RUN
from engine.errors import CamsightError
from engine.runs.store import Run


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
        layer = controls.choose_layer(run)
        target = controls.choose_target(run)
        source = controls.choose_source(run)
        look = controls.choose_look()
    title.caption(describe(run))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        methods = controls.choose_methods()
        if source.name == controls.RANDOM:
            controls.another_draw()
    params.keep()  # heatmaps take a while, and one may leave before they are done
    say_unfound(run)
    for remark in (LAYER.remarked((run.id, layer)), TARGET.remarked((run.id, target))):
        if remark:
            st.warning(remark, icon=":material/link_off:")
    say_absent(run, source)
    try:
        pictures = controls.chosen_pictures(run, source)
    except CamsightError as error:
        st.error(words.markdown(error))
        return
    if pictures:
        explain(Wish(run, layer, target, methods), look, pictures)


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


def explain(wish: Wish, look: Look, pictures: list[Picture]) -> None:
    """Everything that is there at once, then what has to be computed, as it comes."""
    gallery.scale(wish, look.colour_map)
    control = st.empty()
    rows = gallery.lay_out(len(pictures), wish.methods)
    pictures = [heat.kept_score(wish.run, one) if one.scores is None else one for one in pictures]
    for row, picture in zip(rows, pictures, strict=True):
        gallery.show_picture(row[""], wish.run, picture)
        for method in wish.methods:
            row[method].skeleton(height=gallery.WIDTH)
    try:
        loaded, pictures = score(wish.run, pictures, rows, control)
        missing = show_kept(wish, look, pictures, rows)
        if missing:
            make(loaded or load(wish.run, control), wish, look, missing, control)
        control.empty()
    except CamsightError as error:
        for row in rows:
            for method in wish.methods:
                row[method].empty()
        control.error(words.markdown(error))


def load(run: Run, control):
    """The run's model with its lock, loaded when something is missing."""
    with control.container(), st.spinner(f"Loading {run.id} …", show_time=True):
        return state.model(run)


def score(run: Run, pictures: list[Picture], rows: Sequence[dict], control):
    """The model, if it was needed, and the pictures with what it says of each."""
    unscored = [at for at, picture in enumerate(pictures) if picture.scores is None]
    if not unscored:
        return None, pictures
    loaded, pictures = load(run, control), list(pictures)
    known = heat.scored(loaded, [pictures[at] for at in unscored])
    for at, picture in zip(unscored, known, strict=True):
        pictures[at] = picture
        gallery.show_picture(rows[at][""], run, picture)
    return loaded, pictures


def show_kept(wish: Wish, look: Look, pictures: Sequence[Picture], rows: Sequence[dict]) -> list:
    """Draw the maps that were made before; (method, picture, place) of those that were not."""
    missing = []
    for method in wish.methods:
        for row, picture in zip(rows, pictures, strict=True):
            if (found := heat.kept(wish, picture, method)) is None:
                missing.append((method, picture, row[method]))
            else:
                gallery.show_heat(row[method], wish, look, picture, method, found)
    return missing


def make(loaded, wish: Wish, look: Look, missing: list, control) -> None:
    """Compute the maps that are missing, one by one, until one says stop."""
    with control.container(horizontal=True, vertical_alignment="center"):
        bar = st.empty()
        stopped = st.button("Stop here", icon=":material/stop_circle:", key="stop")
    if stopped:
        say_stopped(missing, control)
    bar.progress(0.0, "Heatmaps")
    pace = heat.Pace([method for method, _, _ in missing], bar.progress)
    for at, (method, picture, place) in enumerate(missing):
        found = heat.made(
            loaded, wish, picture, method,
            progress=lambda done, total, at=at: pace.tell(at, done, total),
        )  # fmt: skip
        gallery.show_heat(place, wish, look, picture, method, found)


def say_stopped(missing: list, control) -> None:
    for _, _, place in missing:
        place.caption("Stopped before this map was made.")
    with control.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Stopped; {len(missing)} maps are missing.")
        st.button("Go on", icon=":material/play_arrow:")
    st.stop()


show()
