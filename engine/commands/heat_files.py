"""Heatmaps as files: PNG, raw maps as NPZ, and a zip of many with a manifest."""

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import cv2
import numpy as np

from engine.cam.heatmaps import Heatmaps
from engine.cam.methods import METHODS

VERSION = 1  # of what an NPZ and a manifest hold
ARRAYS = {
    "raw": "(h', w') float32, signed, before ReLU, as the method gives it; of several layers "
    "that were joined (h, w), each layer's from 0 to 1 and then their mean or maximum",
    "values": "(h, w) float32 from 0 to 1: raw enlarged to the picture, ReLU, by its own maximum",
    "error": "(h', w') float32, where the method knows it: half width of raw's 95% error",
    "scores": "() float32, the target's probability for the picture as it is; left out, as "
    "target and class are, where the map is the same for every class",
}


@dataclass(frozen=True)
class Map:
    """One heatmap of one picture, with all that tells which it is.

    picture: its name. picture_id: of its pixels as a dataset stores them. original: `(h, w, 3)`
    uint8, as the model took it. overlay: uint8 RGB of any size. at: its row in `heat`.
    target: number and name of the class; a method that asks for none leaves it out. options: what
    was asked for beside layer and target.
    """

    picture: str
    picture_id: str
    original: np.ndarray
    overlay: np.ndarray
    heat: Heatmaps
    at: int
    target: tuple[int, str]
    weights_sha256: str
    options: Mapping = field(default_factory=dict)

    def facts(self) -> dict:
        """What it is, in plain JSON."""
        heat, raw = self.heat, self.heat.raw[self.at]
        method = METHODS[heat.method]
        return {
            "picture": self.picture, "picture_id": self.picture_id,
            "method": heat.method, "title": method.title, "paper": method.paper,
            "exact": method.exact, "layer": heat.layer,
            "target": self.target[0] if method.of_class else None,
            "class": self.target[1] if method.of_class else None,
            "score": float(heat.scores[self.at]) if method.of_class else None,
            "raw_min": float(raw.min()), "raw_max": float(raw.max()),
            "note": heat.notes[self.at], "error": largest_error(heat, self.at),
            "passes": heat.passes, "engine": heat.engine, "options": dict(self.options),
        }  # fmt: skip


def largest_error(heat: Heatmaps, at: int) -> float | None:
    """The largest half width of the 95% error of a raw map; None where it has none."""
    return None if heat.error is None else float(heat.error[at].max())


def png(pixels: np.ndarray) -> bytes:
    """RGB pixels `(h, w, 3)` uint8 as a PNG file."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def jpeg(pixels: np.ndarray) -> bytes:
    """RGB pixels `(h, w, 3)` uint8 as a JPEG file to look at, every colour at every pixel."""
    how = (cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
           cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)  # fmt: skip
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), how)
    return encoded.tobytes()


def npz(one: Map) -> bytes:
    """The raw map with all that tells which it is, readable by `numpy.load` without pickles.

    Arrays are as in `ARRAYS`; everything else is text or a number: version, picture (its name),
    picture_id, method, layer, target, class, options (JSON), weights_sha256. Where the map is the
    same for every class, target, class and scores are left out.
    """
    heat, at, written = one.heat, one.at, io.BytesIO()
    arrays = {"raw": heat.raw[at], "values": heat.values[at]}
    if METHODS[heat.method].of_class:
        arrays["scores"] = heat.scores[at]
    if heat.error is not None:
        arrays["error"] = heat.error[at]
    facts = one.facts()
    told = ("picture", "picture_id", "method", "layer", "target", "class")
    named = {name: facts[name] for name in told if facts[name] is not None}
    np.savez_compressed(
        written, **arrays, **named, options=json.dumps(facts["options"]),
        weights_sha256=one.weights_sha256, version=VERSION,
    )  # fmt: skip
    return written.getvalue()


def pack(maps: Sequence[Map], about: Mapping) -> bytes:
    """A zip of maps: `overlays/` and `originals/` as PNG, `raw/` as NPZ, and `manifest.json`, which
    says what each file is.

    Args:
        about: what is true of all of them, in plain JSON.
    """
    packed, stems, written = io.BytesIO(), {}, set()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # all is compressed itself

        def put(name: str, data: bytes) -> None:
            if name not in written:
                archive.writestr(name, data)
                written.add(name)

        rows = []
        for one in maps:
            stem = stems.setdefault(one.picture_id, f"{len(stems) + 1:02}-{safe(one.picture)}")
            files = {
                "original": f"originals/{stem}.png",
                "overlay": f"overlays/{stem}.{one.heat.method}.png",
                "raw": f"raw/{stem}.{one.heat.method}.npz",
            }
            put(files["original"], png(one.original))
            put(files["overlay"], png(one.overlay))
            put(files["raw"], npz(one))
            rows.append(files | one.facts())
        manifest = {"version": VERSION, **about, "arrays": ARRAYS, "maps": rows}
        archive.writestr("manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))
    return packed.getvalue()


def safe(name: str) -> str:
    """A file's name, without its kind, that any system takes: letters, digits, "-", "_" and ".".

    >>> safe("../CON <1>.jpg"), safe("写真.png"), safe("?")
    ('CON-1', '写真', 'picture')
    """
    kept = re.sub(r"[^\w.]+", "-", PurePosixPath(name.replace("\\", "/")).stem)
    return kept.strip("-._")[:60] or "picture"
