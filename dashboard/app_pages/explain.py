"""Explain: what a run looks at, picture by picture and method by method."""

import time
from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import gallery, state, words
from engine.cam.methods import METHODS
from engine.cam.overlay import COLOUR_MAPS, OPACITIES

OUTCOMES, RANDOM, UPLOAD = "one of each outcome", "random 20", "my own pictures"
SAID = "what it says"
RANDOM_COUNT, UPLOADS = 20, 20
title, bar = st.columns([1, 4], vertical_alignment="bottom")
title = title.container(gap="xsmall")
title.title("Explain")

runs = state.runs(judged=True)
if not runs:
    title.caption("What a model looks at")
    with st.container(border=True):
        st.markdown(
            "**There is no run to look into yet.** Heatmaps need a model; as soon as a run has "
            "ended, its pictures are here."
        )
        st.page_link(
            "app_pages/train.py", label="Train one, or watch it", icon=":material/arrow_forward:"
        )
    st.stop()

# --- choose ---------------------------------------------------------------------------------------

with bar.container(horizontal=True, vertical_alignment="bottom"):
    run = state.choose_run(runs)
    layers = list(run.layers[::-1])
    layer = st.selectbox(
        "Layer", layers, key=state.carry("layer", layers), bind="query-params", width="stretch",
        help="The maps of this layer become the heatmap. The last one (first in the list) says "
        "most about the class and least about the place; earlier ones are finer.",
    )  # fmt: skip
    targets = [SAID, *run.class_names]
    target = st.segmented_control(
        "Heat for", targets, default=SAID, required=True, key=state.carry("target", targets),
        bind="query-params",
    )  # fmt: skip
    data = state.dataset_of(run)
    linked = st.query_params.get("pics") or st.session_state.get("pics") or ""
    row = linked.removeprefix("row-")
    one = [linked] if data and linked.startswith("row-") and row.isdecimal() else []
    one = [
        name
        for name in one
        if int(row) in set(data.indices("test")) | set(data.indices("validation"))
    ]
    sets = ([OUTCOMES, RANDOM, *one] if data else []) + [UPLOAD]
    pictures_from = st.selectbox(
        "Pictures", sets, key=state.carry("pics", sets), bind="query-params", width="stretch"
    )
    with st.popover("Look", icon=":material/palette:"):
        views = ["overlay", "heatmap"]
        view = st.segmented_control(
            "View", views, default="overlay", required=True, key=state.carry("view", views),
            bind="query-params",
        )  # fmt: skip
        maps = list(COLOUR_MAPS)
        colour_map = st.selectbox(
            "Colour map", maps, key=state.carry("map", maps), bind="query-params",
            help="Inferno, Viridis and Cividis grow evenly in brightness; Ocean is the blog "
            "post's.",
        )  # fmt: skip
        opacity = st.slider(
            "Opacity", 0, 100, 75, 5, format="%d%%", bind="query-params",
            key=state.carry("opacity", range(0, 101, 5), 75),
        )  # fmt: skip
        by = st.segmented_control(
            "Opacity is", list(OPACITIES), default=OPACITIES[0], required=True,
            key=state.carry("by", list(OPACITIES)), bind="query-params",
            help="By heat: cold places keep the picture's own colour. Even: the map lies "
            "everywhere.",
        )  # fmt: skip
title.caption(state.describe(run))

with st.container(horizontal=True, vertical_alignment="bottom"):
    asked = {name.lower() for name in st.query_params.get_all("m")} & METHODS.keys()
    kept = st.session_state.get("m", asked or state.last("m") or METHODS)
    chosen = st.pills(
        "Methods", list(METHODS), selection_mode="multi", key="m",
        default=[name for name in METHODS if name in kept],
        format_func=lambda name: METHODS[name].title,
    )  # fmt: skip
    methods = [name for name in METHODS if name in chosen]
    state.mirror("m", methods, list(METHODS))
    if pictures_from == RANDOM and st.button("Another 20", icon=":material/shuffle:"):
        st.query_params["draw"] = str((int(st.query_params.get("draw", "1")) + 1) % 10_000)
state.keep_keys()  # heatmaps take a while, and one may leave before they are done

# --- the pictures ---------------------------------------------------------------------------------

pictures: list[gallery.Picture] = []
if pictures_from == UPLOAD:
    files = st.file_uploader(
        "Pictures", accept_multiple_files=True, max_upload_size=64, label_visibility="collapsed",
        type=["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif"],
        help="They are decoded in a process of their own, kept in memory only, and shown to nobody "
        "else.",
    )  # fmt: skip
    if len(files) > UPLOADS:
        st.warning(f"The first {UPLOADS} of {len(files)} pictures are shown.")
    for file in files[:UPLOADS]:
        found = gallery.decoded(file.getvalue(), run.dataset_image_size)
        if isinstance(found, str):
            st.error(
                f"{words.markdown(file.name, 60)} cannot be used: {words.markdown(found)}; save it "
                "as JPEG or PNG and try again."
            )
        else:
            pictures.append(gallery.Picture(file.name, found, None, None))
    if not files:
        st.caption(
            "Up to 20 pictures, JPEG, PNG or WebP. They are stretched to a square, as in training."
        )
else:
    part = "test"
    if one and pictures_from == one[0] and int(row) in set(data.indices("validation")):
        part = "validation"
    told = state.predictions(run.id, run.weights_sha256, part)
    if pictures_from == OUTCOMES:
        rows = gallery.one_of_each(told)
    elif pictures_from == RANDOM:
        draw = st.query_params.get("draw", "1")
        rows = gallery.at_random(told, RANDOM_COUNT, int(draw) if draw.isdecimal() else 1)
    else:
        rows = [int(row)]
    pictures = gallery.from_test(run, rows, told)
if data is None:
    st.warning(
        f"The pictures of {words.markdown(run.dataset)} that {run.id} was trained on are gone or "
        "were replaced, so only pictures of your own can be explained; prepare the dataset again "
        "under its name to see them."
    )
if not pictures:
    st.stop()
if not methods:
    st.info("No method is chosen; choose one above to see where the heat lies.")

# --- what the colours mean ------------------------------------------------------------------------

whom = "what the model says" if target == SAID else words.markdown(target, 24)
with st.container(horizontal=True, vertical_alignment="center", wrap=False):
    st.image(gallery.colour_bar(colour_map), width=145, alt=f"{colour_map} from 0 to 1")
    st.caption(
        f"0 to 1, each map by its own maximum: hot places speak for {whom}, cold ones do not.",
        help=f"The raw map is what {layer} gave before that, negative values included: they speak "
        "against the class and become 0.",
        width="stretch",
    )

# --- compute and show -----------------------------------------------------------------------------

control = st.empty()
cells: dict[tuple[int, str], st.delta_generator.DeltaGenerator] = {}
abreast = st.grid(2 if len(methods) < 3 and len(pictures) > 1 else 1, min_column_width=420)
for at in range(len(pictures)):
    with abreast.container(), st.grid(1 + max(len(methods), 1), min_column_width=145):
        for method in ("", *methods):
            cells[at, method] = st.empty()


def show_picture(at: int) -> None:
    picture = pictures[at]
    name, positive = words.markdown(picture.name, 40), words.markdown(run.class_names[1], 24)
    with cells[at, ""].container():
        pixels = gallery.large(picture.pixels)
        st.image(pixels, width="stretch", output_format="JPEG", alt=picture.name)
        if picture.score is None:
            st.markdown(f":small[:gray[{name}]]")
            return
        says = f"says {gallery.tinted(run, picture.says)}"
        if picture.truth is not None:
            mark = "✓" if picture.truth == picture.says else "✗"
            says = f"{mark} truly {gallery.tinted(run, picture.truth)}, {says}"
        below = f"score for {positive} {picture.score:.2f} · {name}"
        st.markdown(f"{says}  \n:small[:gray[{below}]]")


def show_heat(at: int, method: str, heat) -> None:
    picture, title = pictures[at], METHODS[method].title
    class_name = run.class_names[target_of(at)]
    with cells[at, method].container():
        look = (view, colour_map, opacity / 100, by)
        pixels = gallery.drawn(
            picture.sha, key_of(at, method), look, picture.pixels, heat.values[0]
        )
        alt = f"{title} of {picture.name} for {class_name}"
        st.image(pixels, width="stretch", output_format="JPEG", alt=alt)
        low, high = heat.raw.min(), heat.raw.max()
        below = (
            f"probability of {words.markdown(class_name, 24)} {words.three_digits(heat.scores[0])}"
            f" · raw map {gallery.range_of(low, high)}"
        )
        if high <= 0:
            below = f"**no heat: nothing here speaks for it** · {below}"
        seconds = words.duration(heat.seconds)
        st.markdown(f"**{title}** :gray[{seconds}]  \n:small[:gray[{below}]]")


def target_of(at: int) -> int:
    return pictures[at].says if target == SAID else run.class_names.index(target)


def key_of(at: int, method: str) -> tuple:
    return (pictures[at].sha, run.weights_sha256, run.image_size, layer, method, target_of(at))


for at in range(len(pictures)):
    show_picture(at)
    for method in methods:
        cells[at, method].skeleton(height=240)

kept, loaded = state.heats(), None


def load_model():
    """The run's model with its lock, loaded when the first heatmap is missing."""
    with control.container(), st.spinner(f"Loading {run.id} …", show_time=True):
        return state.model(run.id, run.weights_sha256)


for at, picture in enumerate(pictures):
    if picture.score is None and (score := kept.get((picture.sha, run.weights_sha256))) is not None:
        pictures[at] = replace(picture, score=score)
        show_picture(at)
unscored = [at for at, picture in enumerate(pictures) if picture.score is None]
if unscored:
    from engine import inference

    loaded = load_model()
    with loaded.lock:
        seen = np.stack([gallery.seen_by(run, pictures[at]) for at in unscored])
        scores = inference.probabilities(inference.logits(loaded.model, seen))
    for at, score in zip(unscored, scores, strict=True):
        pictures[at] = replace(pictures[at], score=float(score))
        kept.put((pictures[at].sha, run.weights_sha256), float(score))
        show_picture(at)

missing = []
for method in methods:
    for at in range(len(pictures)):
        if (heat := kept.get(key_of(at, method))) is None:
            missing.append((method, at))
        else:
            show_heat(at, method, heat)

if missing:
    from engine.cam import explain

    loaded = loaded or load_model()
    with control.container(horizontal=True, vertical_alignment="center"):
        bar = st.empty()
        stopped = st.button("Stop here", icon=":material/stop_circle:", key="stop")
    if stopped:
        for method, at in missing:
            cells[at, method].caption("Stopped before this map was made.")
        with control.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"Stopped; {len(missing)} of {len(pictures) * len(methods)} maps are missing."
            )
            st.button("Go on", icon=":material/play_arrow:")
        st.stop()
    bar.progress(0.0, "Heatmaps")
    started, steps = time.monotonic(), {"last": 0.0}
    slow = [pair for pair in missing if METHODS[pair[0]].needs == "passes"] or missing

    def progress(pair: tuple[str, int], done: int, total: int) -> None:
        """Said a few times a second; Streamlit ends the script here if that was pressed."""
        now = time.monotonic()
        if pair not in slow or now - steps["last"] < 0.2:
            return
        steps["last"] = now
        share = min(1.0, (slow.index(pair) + done / total) / len(slow))
        left = (now - started) * (1 - share) / max(share, 1e-6)
        bar.progress(
            share,
            f"{METHODS[pair[0]].title}, picture {slow.index(pair) + 1} of {len(slow)}, about "
            f"{words.about(left)} left",
        )

    for pair in missing:
        method, at = pair
        with loaded.lock:
            image = gallery.seen_by(run, pictures[at])[None]
            heat = explain(
                loaded.model, image, method, layer, target_of(at),
                progress=lambda done, total, pair=pair: progress(pair, done, total),
            )  # fmt: skip
        kept.put(key_of(at, method), heat)
        show_heat(at, method, heat)
control.empty()
