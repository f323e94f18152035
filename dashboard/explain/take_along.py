"""What one takes along from Explain: all maps that are shown, as one zip."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

import streamlit as st

from dashboard import words
from dashboard.explain.gallery import Look, drawn
from dashboard.explain.heat import Wish, seen
from dashboard.explain.pictures import Picture
from engine.commands import heat_files
from engine.commands.heat_files import Map

Found = Sequence[tuple[Picture, str, object]]  # picture, method and its Heatmaps


def show(wish: Wish, look: Look, found: Found) -> None:
    """The zip of all maps; a single one has its own button beside its name."""
    if not found:
        st.caption("There is no map to save yet.")
        return
    maps = "1 map" if len(found) == 1 else f"{words.count(len(found))} maps"
    st.download_button(
        f"**{maps} as a zip**", packed(wish, look, found), f"{wish.run.id}-heatmaps.zip",
        "application/zip", icon=":material/download:", width="stretch", on_click="ignore",
    )  # fmt: skip
    st.caption(
        "Overlays as they are drawn here and originals as the model saw them (PNG), raw maps with "
        "all that tells what they are (NPZ, for numpy.load), and a manifest.json of it all. A "
        "single map is saved by the arrow beside its name."
    )


def packed(wish: Wish, look: Look, found: Found) -> Callable[[], bytes]:
    """What makes the zip when somebody asks for it, and not before."""

    def make() -> bytes:
        maps = [_map(wish, look, *one) for one in found]
        run = wish.run
        about = {
            "run": run.id, "dataset": run.dataset, "class_names": run.class_names,
            "image_size": run.image_size, "weights_sha256": run.weights_sha256,
            "look": asdict(look),
        }  # fmt: skip
        return heat_files.pack(maps, about)

    return make


def _map(wish: Wish, look: Look, picture: Picture, method: str, heat) -> Map:
    run, target = wish.run, wish.target_of(picture)
    shown = drawn(look, picture.pixels, heat.values[0])
    return Map(
        picture.name, picture.id, seen(run, picture), shown, heat, 0,
        (target, run.class_names[target]), run.weights_sha256, wish.asked(method),
    )  # fmt: skip
