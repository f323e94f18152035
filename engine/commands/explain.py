"""explain: pictures on disk become original, heatmap and overlay as PNG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engine import files
from engine.cam.methods import USUAL, check_method
from engine.cam.overlay import check_colour_map, colour, overlay
from engine.commands.evaluate import class_number
from engine.data.decode import Decoded, decode, resize
from engine.data.sources import read_file
from engine.errors import ConfigError, PictureError
from engine.evaluation import multiclass
from engine.runs import store
from engine.runs.store import Run
from engine.workspace import Workspace


@dataclass(frozen=True)
class Explained:
    """One heatmap of one picture, and the files it was written to.

    remarks: what was changed in the picture for the model, as `decode.Decoded` has it.
    """

    picture: str
    method: str
    layer: str
    target: str
    score: float
    raw_min: float
    raw_max: float
    seconds: float
    original: str
    heatmap: str
    overlay: str
    remarks: tuple[str, ...] = ()


def explain(
    workspace: Workspace,
    run_id: str,
    pictures: Sequence[Path],
    out: Path,
    *,
    methods: Sequence[str] = USUAL,
    layer: str | None = None,
    target: str | None = None,
    colour_map: str = "inferno",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Explained]:
    """Heatmaps of `pictures` by `methods`, written into the folder `out`.

    Args:
        target: a class name; None is what the model says of each picture.
        progress: called with (steps done, all) over all pictures and methods.

    Raises:
        RunError, LayerError, ConfigError, PictureError: before anything is written.
    """
    run = store.require_judged(store.open_run(workspace, run_id))
    label = None if target is None else class_number(run, target)
    check_method(*methods)
    check_colour_map(colour_map)
    _check_folder(out)
    read = [_read(run, path) for path in pictures]
    names = _names(pictures)

    from engine import backend, inference  # the backend first: it keeps TensorFlow quiet
    from engine.cam import explain as explain_pictures
    from engine.models.head import choose_layer

    backend.prepare_process()
    loaded = inference.load(run)
    layer = choose_layer(loaded.model, layer)
    images = np.stack([one.pixels for one in read])
    says = multiclass.said(inference.probabilities(inference.logits(loaded.model, images)))
    targets = says if label is None else np.full(len(images), label)
    heats = {
        method: explain_pictures(
            loaded.model,
            images,
            method,
            layer,
            targets,
            lambda done, total, at=at: progress(at * total + done, len(methods) * total),
        )
        for at, method in enumerate(methods)
    }
    out.mkdir(parents=True, exist_ok=True)
    return [
        _write(
            out,
            names[i],
            images[i],
            pictures[i],
            heats[method],
            i,
            run,
            targets[i],
            colour_map,
            read[i].remarks,
        )
        for i in range(len(images))
        for method in methods
    ]


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"'{out}' is a file and cannot hold PNG files; give a folder.")


def _read(run: Run, path: Path) -> Decoded:
    """The picture as the run's dataset would hold it, at the run's size."""
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise PictureError(f"The picture '{path}' is no file; give picture files.")
    try:
        found = decode(read_file(path), run.dataset_image_size, run.dataset_fit)
        return Decoded(resize(found.pixels, run.image_size), found.remarks)
    except OSError as error:
        raise PictureError(
            f"The picture '{path}' cannot be read ({error.strerror}); check the path."
        ) from error
    except PictureError as error:
        raise PictureError(
            f"The picture '{path}' cannot be used: {error}; save it as JPEG or PNG and try again."
        ) from error


def _names(pictures: Sequence[Path]) -> list[str]:
    """A name for each picture's files; two pictures of one name get a number."""
    names: list[str] = []
    for path in pictures:
        name, number = path.stem, 2
        while name in names:
            name, number = f"{path.stem}-{number}", number + 1
        names.append(name)
    return names


def _write(out, name, image, path, heat, i, run, target, colour_map, remarks) -> Explained:
    values = heat.values[i]
    pictures = {
        "original": (out / f"{name}.original.png", image),
        "heatmap": (out / f"{name}.{heat.method}.heatmap.png", colour(values, colour_map)),
        "overlay": (
            out / f"{name}.{heat.method}.overlay.png",
            overlay(image, values, colour_map, by="even" if colour_map == "ocean" else "by heat"),
        ),
    }
    for place, pixels in pictures.values():
        write_png(place, pixels)
    return Explained(
        picture=str(path),
        method=heat.method,
        layer=heat.layer,
        target=run.class_names[target],
        score=float(heat.scores[i]),
        raw_min=float(heat.raw[i].min()),
        raw_max=float(heat.raw[i].max()),
        seconds=heat.seconds / len(heat.values),
        remarks=remarks,
        **{kind: str(place) for kind, (place, _) in pictures.items()},
    )


def write_png(path: Path, pixels: np.ndarray) -> None:
    """RGB pixels `(h, w, 3)` uint8 as PNG, whole or not at all."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    files.write_bytes(path, encoded.tobytes(), sync=False)
