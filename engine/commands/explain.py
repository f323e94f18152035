"""explain: pictures on disk become original, heatmap and overlay as PNG, and raw maps as NPZ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine import files, identity
from engine.cam.heatmaps import COMBINE, PRECISIONS, SCORES
from engine.cam.methods import (
    METHODS,
    USUAL,
    check_choice,
    check_method,
    check_options,
    own_options,
)
from engine.cam.overlay import check_colour_map, colour, overlay
from engine.commands import heat_files
from engine.commands.evaluate import class_number
from engine.commands.heat_files import Map
from engine.commands.sheet import sheet as draw_sheet
from engine.data.decode import decode, resize
from engine.data.sources import read_file
from engine.errors import ConfigError, PictureError
from engine.evaluation import multiclass
from engine.runs import store
from engine.runs.record import Run
from engine.workspace import Workspace

SHEET = "sheet.png"


@dataclass(frozen=True)
class Explained:
    """One heatmap of one picture, and the files it was written to.

    notes: what one must know to read it. error: the largest half width of its 95% error, where the
    method states one. passes: forward passes of a picture. engine: what computed them.
    target, score: None where the map is the same for every class.
    raw, sheet: "" where they were not asked for.
    remarks: what was changed in the picture for the model, as `decode.Decoded` has it.
    """

    picture: str
    method: str
    layer: str
    target: str | None
    score: float | None
    raw_min: float
    raw_max: float
    seconds: float
    notes: str
    error: float | None
    passes: int
    engine: str
    original: str
    heatmap: str
    overlay: str
    raw: str = ""
    sheet: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Picture:
    """One as the model takes it. id: of its pixels as the run's dataset would hold them."""

    path: Path
    pixels: np.ndarray
    id: str
    remarks: tuple[str, ...]


def explain(
    workspace: Workspace,
    run_id: str,
    pictures: Sequence[Path],
    out: Path,
    *,
    methods: Sequence[str] = USUAL,
    layers: Sequence[str] = (),
    target: str | None = None,
    colour_map: str = "inferno",
    options: Sequence[str] = (),
    raw: bool = False,
    sheet: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    **asked: Any,
) -> list[Explained]:
    """Heatmaps of `pictures` by `methods`, written into the folder `out`.

    Args:
        layers: none is the last with a map; several are combined.
        target: a class name; None is what the model says of each picture.
        options: of methods' own, as "samples=50"; each goes to the methods that have it.
        raw: write each raw map as NPZ, too. sheet: write `sheet.png`, a contact sheet of all.
        progress: called with (steps done, all) over all pictures and methods.
        asked: `combine`, `score`, `flips`, `eigen`, `precision` of `engine.cam.explain`.

    Raises:
        RunError, LayerError, ConfigError, PictureError: before anything is written.
    """
    run = store.require_judged(store.open_run(workspace, run_id))
    label = None if target is None else class_number(run, target)
    check_method(*methods)
    check_colour_map(colour_map)
    _check_choices(asked)
    _check_folder(out)
    named = [_named(option) for option in options]
    read, names = [_read(run, path) for path in pictures], _names(pictures)

    from engine import backend, inference  # the backend first: it keeps TensorFlow quiet
    from engine.cam import explain as explain_pictures

    backend.prepare_process()
    own = _own(methods, named)
    model = inference.load(run).model
    images = np.stack([one.pixels for one in read])
    says = multiclass.said(inference.probabilities(inference.logits(model, images)))
    targets = says if label is None else np.full(len(images), label)
    layer = layers[0] if len(layers) == 1 else tuple(layers) or None
    heats = [
        explain_pictures(
            model, images, method, layer, targets,
            lambda done, total, at=at: progress(at * total + done, len(methods) * total),
            options=own[method], **asked,
        )
        for at, method in enumerate(methods)
    ]  # fmt: skip
    maps = [
        [
            _map(run, names[i], one, heat, i, targets[i], colour_map, asked | own[heat.method])
            for heat in heats
        ]
        for i, one in enumerate(read)
    ]
    out.mkdir(parents=True, exist_ok=True)
    written = str(out / SHEET) if sheet else ""
    if sheet:
        _write(out / SHEET, heat_files.png(draw_sheet([_cells(row) for row in maps])))
    return [
        _explained(out, read[i], one, colour_map, raw, written)
        for i, row in enumerate(maps)
        for one in row
    ]


# --- what is asked --------------------------------------------------------------------------------


def _check_choices(asked: dict[str, Any]) -> None:
    """Before TensorFlow is imported, and before the first of several methods is done."""
    known = {
        "combine": ("way to combine layers", COMBINE),
        "score": ("score", SCORES),
        "precision": ("precision", PRECISIONS),
    }
    for name, (what, choices) in known.items():
        if asked.get(name) is not None:
            check_choice(what, asked[name], choices)


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"'{out}' is a file and cannot hold PNG files; give a folder.")


def _named(option: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not (name and equals and value):
        raise ConfigError(f"The option '{option}' has no name or no value; give it as samples=50.")
    return name.strip(), value.strip()


def _own(methods: Sequence[str], named: Sequence[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Each method's own options; one that none of them has is refused."""
    known = {method: own_options(METHODS[method]) for method in methods}
    for name, _ in named:
        if not any(name in own for own in known.values()):
            has = [f"{method} has {', '.join(own)}" for method, own in known.items() if own]
            raise ConfigError(
                f"No method that was chosen has an option '{name}'; "
                f"{'; '.join(has) or 'none of them has any'}."
            )
    return {
        method: check_options(METHODS[method], {name: v for name, v in named if name in own})
        for method, own in known.items()
    }


def _read(run: Run, path: Path) -> _Picture:
    """The picture as the run's dataset would hold it, at the run's size."""
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise PictureError(f"The picture '{path}' is no file; give picture files.")
    try:
        found = decode(read_file(path), run.dataset_image_size, run.dataset_fit)
    except OSError as error:
        raise PictureError(
            f"The picture '{path}' cannot be read ({error.strerror}); check the path."
        ) from error
    except PictureError as error:
        raise PictureError(
            f"The picture '{path}' cannot be used: {error}; save it as JPEG or PNG and try again."
        ) from error
    pixels = resize(found.pixels, run.image_size)
    return _Picture(path, pixels, identity.of_picture(found.pixels), found.remarks)


def _names(pictures: Sequence[Path]) -> list[str]:
    """A name for each picture's files; two pictures of one name get a number."""
    names: list[str] = []
    for path in pictures:
        name, number = path.stem, 2
        while name in names:
            name, number = f"{path.stem}-{number}", number + 1
        names.append(name)
    return names


# --- what is written ------------------------------------------------------------------------------


def _map(run, name: str, one: _Picture, heat, i: int, target: int, colour_map: str, options) -> Map:
    by = "even" if colour_map == "ocean" else "by heat"
    over = overlay(one.pixels, heat.values[i], colour_map, by=by)
    named = int(target), run.class_names[target]
    return Map(name, one.id, one.pixels, over, heat, i, named, run.weights_sha256, options)


def _cells(row: Sequence[Map]) -> list[tuple[np.ndarray, str, str]]:
    """A line of the contact sheet: the picture, then its maps."""
    first = row[0]
    said = f"{first.target[1]} {first.heat.scores[first.at]:.3f}"
    maps = [(one.overlay, METHODS[one.heat.method].title, _cost(one.heat)) for one in row]
    return [(first.original, first.picture, said), *maps]


def _cost(heat) -> str:
    n = len(heat.values)
    return f"{heat.seconds / n:.2f} s, {heat.passes // n:,} forward"


def _explained(
    out: Path, picture: _Picture, one: Map, colour_map: str, raw: bool, sheet: str
) -> Explained:
    heat, n = one.heat, len(one.heat.values)
    stem, method = str(out / one.picture), heat.method
    written = {
        "original": (f"{stem}.original.png", heat_files.png(one.original)),
        "heatmap": (
            f"{stem}.{method}.heatmap.png",
            heat_files.png(colour(heat.values[one.at], colour_map)),
        ),
        "overlay": (f"{stem}.{method}.overlay.png", heat_files.png(one.overlay)),
    }
    if raw:
        written["raw"] = f"{stem}.{method}.npz", heat_files.npz(one)
    for place, data in written.values():
        _write(Path(place), data)
    facts = one.facts()
    return Explained(
        picture=str(picture.path), method=method, layer=heat.layer, target=facts["class"],
        score=facts["score"], raw_min=facts["raw_min"], raw_max=facts["raw_max"],
        seconds=heat.seconds / n, notes=facts["note"], error=facts["error"],
        passes=heat.passes // n, engine=heat.engine, sheet=sheet, remarks=picture.remarks,
        **{kind: place for kind, (place, _) in written.items()},
    )  # fmt: skip


def _write(path: Path, data: bytes) -> None:
    files.write_bytes(path, data, sync=False)
