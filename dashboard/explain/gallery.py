"""How Explain shows what it found: a picture a row, its heatmaps beside it."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import words
from dashboard.explain import options
from dashboard.explain.heat import SAID, Wish
from dashboard.explain.pictures import Picture
from dashboard.parts import pictures
from engine.cam.methods import METHODS
from engine.cam.overlay import colour, overlay
from engine.commands import heat_files
from engine.runs.record import Run

SHOWN = 480  # pixels of a picture's side in the browser's memory; about twice what is displayed
WIDTH, GAP = 280, 16  # of a column of pictures, at most
CLASS_TINTS = ("orange", "blue")
NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Look:
    """How heat is drawn; opacity: 0 to 1."""

    view: str
    colour_map: str
    opacity: float
    by: str


def scale(wish: Wish, colour_map: str) -> None:
    """What the colours mean; nothing where there is no heat to have colours."""
    if not wish.methods:
        st.caption("No method is chosen; choose one above to see where the heat lies.")
        return
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.image(colour_bar(colour_map), width=145, alt=f"{colour_map} from 0 to 1")
        asked = options.in_words(wish.options)
        st.caption(
            f"0 to 1, each map by its own maximum: {_meaning(wish)}."
            f"{f' Options: {asked}.' if asked else ''}",
            help="The raw map is what the method gave before that, negative values included: they "
            "speak against the class and become 0. Where several layers are joined, each is drawn "
            "so first, and the joined map holds no negative values.",
            width="stretch",
        )


def _meaning(wish: Wish) -> str:
    """What hot and cold places are, in Markdown; some methods know no class."""
    whom = "what the model says" if wish.target == SAID else words.markdown(wish.target, 24)
    of_class = [METHODS[name].of_class for name in wish.methods]
    if all(of_class):
        return f"hot places speak for {whom}, cold ones do not"
    if any(of_class):
        return f"hot places speak for {whom} where the method asks for a class"
    return "hot places are what the method finds, whatever the class"


def lay_out(pictures: int, methods: tuple[str, ...]) -> list[dict[str, DeltaGenerator]]:
    """Places for each picture: "" for itself, and one by each method's name, all in its own row.

    Without methods there is nothing beside a picture, so that the pictures stand side by side.
    """
    if not methods:
        with st.grid(4, min_column_width=145, width=_width(4)):
            return [{"": st.empty()} for _ in range(pictures)]
    rows = []
    for _ in range(pictures):
        with st.grid(1 + len(methods), min_column_width=145, width=_width(1 + len(methods))):
            rows.append({name: st.empty() for name in ("", *methods)})
    return rows


def _width(columns: int) -> int:
    return columns * WIDTH + (columns - 1) * GAP


def show_picture(place: DeltaGenerator, run: Run, picture: Picture) -> None:
    with place.container(gap="xsmall"):
        jpeg = pictures.jpeg((picture.id, SHOWN), lambda: large(picture.pixels))
        st.image(jpeg, width="stretch", alt=picture.name)
        name = f":small[:gray[{words.markdown(picture.name, 40)}]]"
        st.markdown(name if picture.scores is None else f"{verdict(run, picture)}  \n{name}")


def verdict(run: Run, picture: Picture) -> str:
    """Truth and answer: "✓ truly cat, says cat 0.96"."""
    says = words.says(_tinted(run, picture.says), picture.scores[picture.says])
    if picture.truth is None:
        return says
    mark = "✓" if picture.truth == picture.says else "✗"
    return f"{mark} truly {_tinted(run, picture.truth)}, {says}"


def _tinted(run: Run, label: int) -> str:
    """A class's name in its colour, which it has where there are two."""
    name = f"**{words.markdown(run.class_names[label], 24)}**"
    return f":{CLASS_TINTS[label]}[{name}]" if len(run.class_names) == 2 else name


def show_heat(
    place: DeltaGenerator, wish: Wish, look: Look, picture: Picture, heat, row: int
) -> None:
    """A map with what is known of it below. row: the picture's, which tells its widgets apart."""
    method, title = heat.method, METHODS[heat.method].title
    name = f"{title} of {picture.name}"
    if METHODS[method].of_class:
        name += f" for {wish.run.class_names[wish.target_of(picture)]}"
    with place.container(gap=None):  # a button's height puts as much air above its row
        jpeg = shown(wish.key(picture, method), look, picture.pixels, heat.values[0])
        st.image(jpeg, width="stretch", alt=name)
        with st.container(horizontal=True, vertical_alignment="center", wrap=False, gap="xsmall"):
            took = words.duration(heat.seconds).replace(" ", NO_BREAK)
            st.markdown(f"**{title}** :gray[{took}]", width="stretch")
            file = f"{heat_files.safe(picture.name)}.{method}.png"
            _png_button(
                lambda: heat_files.png(drawn(look, picture.pixels, heat.values[0])),
                file, name, f"png {row} {method}",
            )  # fmt: skip
        st.markdown("  \n".join(f":small[:gray[{line}]]" for line in below(wish, picture, heat)))


def _png_button(make: Callable[[], bytes], file: str, what: str, key: str) -> None:
    st.download_button(
        "PNG", make, file, "image/png",
        key=key, icon=":material/download:", type="tertiary", on_click="ignore",
        help=words.markdown(f"Save the {what}", 90),
    )  # fmt: skip


def below(wish: Wish, picture: Picture, heat) -> list[str]:
    """What stands under a map: its probability and range, and what one must know to read it."""
    about, raw = METHODS[heat.method], heat.raw[0]
    whose = "the same for every class"
    if about.of_class:
        class_name = words.markdown(wish.run.class_names[wish.target_of(picture)], 24)
        whose = f"probability of {class_name} {words.three_digits(heat.scores[0])}"
    kind = "joined map" if wish.joined(heat.method) else "raw map"
    lines = [f"{whose} · {kind} {range_of(raw.min(), raw.max())}"]
    if heat.notes[0]:
        lines.insert(0, f"**{words.markdown(heat.notes[0])}**")
    if heat.error is not None:
        most = float(heat.error[0].max())
        share = f" ({most / raw.max():.0%} of the maximum)" if raw.max() > 0 else ""
        lines.append(f"95% error at most ± {digits(most)}{share}")
    if about.family == "control" and not about.of_class:
        lines.append("looks at no network")
    elif about.layers == "none":
        lines.append("of the whole network, whatever the layer")
    elif wish.asked(heat.method)["layer"] != wish.layer:
        lines.append(f"layers: {words.markdown(heat.layer)}")
    if "bfloat16" in heat.engine:
        lines.append(f"computed by {words.markdown(heat.engine)}")
    return lines


def drawn(look: Look, pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heatmap as it is shown, `(SHOWN, SHOWN, 3)` uint8."""
    if look.view == "heatmap":
        size = (SHOWN, SHOWN)
        return cv2.resize(colour(heat, look.colour_map), size, interpolation=cv2.INTER_CUBIC)
    return overlay(large(pixels), heat, look.colour_map, look.opacity, look.by)


def shown(heat_key: tuple, look: Look, pixels: np.ndarray, heat: np.ndarray) -> bytes:
    """That as a JPEG file."""
    return pictures.jpeg((*heat_key, look), lambda: drawn(look, pixels, heat))


def large(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(pixels, (SHOWN, SHOWN), interpolation=cv2.INTER_CUBIC)


def colour_bar(colour_map: str) -> np.ndarray:
    """Heat from 0 to 1 as a strip `(10, 160, 3)` uint8."""
    return colour(np.tile(np.linspace(0, 1, 160, dtype=np.float32), (10, 1)), colour_map)


def range_of(low: float, high: float) -> str:
    """The range of a raw map, in three digits: "−0.065 to 0.43", "15 to 302"; an end that is under
    a thousandth of the range is 0."""
    ends = (0 if abs(v) < 0.001 * (high - low) else v for v in (low, high))
    return " to ".join(map(digits, ends))


def digits(number: float) -> str:
    """Three of them, and never an exponent for a large number."""
    return (f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}").replace("-", "−")
