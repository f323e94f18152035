"""How fast the heatmaps are beside those of others, in one run on the same weights and pictures.

    python -m tests.benchmarks.cam [--workspace W --run RUN] [--times 5] [PICTURE ...]

Without a run, `classic` is trained on drawn pictures of 150 px first. torch-cam and tf-keras-vis
stand in requirements-bench.txt; who is not installed is left out, and said.

On top stand the bounds: as many forward passes as the layer has channels, by TensorFlow and by
OpenVINO with the masks made in its graph, batches of 8, two streams. The rows run in alternation,
`--times` rounds over the pictures; the table gives medians of seconds a picture.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import spearmanr

from engine import backend, inference
from engine.cam import explain
from engine.cam.methods import METHODS
from engine.data.dataset import open_dataset
from engine.data.decode import decode, resize
from engine.models.apart import take_apart
from engine.runs import store
from engine.workspace import Workspace

REST = 0.3  # seconds between two rows, in which threads that spin fall asleep


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        workspace, run = trained_run(asked, Path(scratch))
        model = inference.load(store.open_run(workspace, run)).model
        images = pictures_of(workspace, run, asked.pictures)
    backend.keras.config.disable_interactive_logging()  # tf-keras-vis predicts aloud
    head = take_apart(model)
    maps = np.asarray(head.fast(images[:1])[0])
    channels = maps.shape[-1]
    print(
        f"\n{run}, {images.shape[1]} px, layer {head.layer}: {maps.shape[1]} × {maps.shape[2]}, "
        f"{channels} channels; {len(images)} pictures, {asked.times} rounds, "
        f"{len(os.sched_getaffinity(0))} cores, {backend.passes_dtype()} the fastest precision\n"
    )
    score = {**_bounds(model, head, channels), **_others_score(model, head), **_ours(model)}
    _table("Score-CAM", score, images, asked.times, first="TensorFlow's bound")
    grad = {**_grad_bounds(model, head), **_others_grad(model, head)}
    grad["ours, Grad-CAM"] = lambda image: explain(model, image, "grad-cam").raw[0]
    _table("Grad-CAM", grad, images, asked.times, first="forward and backward, TensorFlow")
    _agreement(model, images)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--run")
    parser.add_argument("--times", type=int, default=5)
    return parser.parse_args()


def trained_run(asked, scratch: Path) -> tuple[Workspace, str]:
    if asked.run:
        return Workspace(asked.workspace), asked.run
    for verb in (
        "prepare drawn --name drawn --count 600 --image-size 150",
        "train --dataset drawn --preset classic --epochs 3",
    ):
        command = [sys.executable, "-m", "engine", *verb.split()]
        subprocess.run(command, check=True, env=os.environ | {"CAMSIGHT_WORKSPACE": str(scratch)})
    return Workspace(scratch), "classic-1"


def pictures_of(
    workspace: Workspace, run: str, paths: list[Path], count: int = 5
) -> np.ndarray:
    """Some of the run's own test pictures, or those that were given, as the model takes them."""
    opened = store.open_run(workspace, run)
    if paths:
        found = [decode(path.read_bytes(), opened.image_size).pixels for path in paths]
    else:
        dataset = open_dataset(workspace, opened.dataset)
        rows = dataset.indices("test")[:count]
        found = [resize(dataset.images[row], opened.image_size) for row in rows]
    return np.stack(found).astype(np.float32)


# --- what is timed --------------------------------------------------------------------------------


def _bounds(model, head, channels: int) -> dict[str, Callable]:
    """Passes alone: of noise by TensorFlow, and of masked pictures by OpenVINO's own queue."""
    noise = np.random.default_rng(0).uniform(0, 255, (channels, *head.shape)).astype(np.float32)

    def tensorflow(image):
        for start in range(0, channels, 32):
            head.fast(backend.keras.ops.convert_to_tensor(noise[start : start + 32]))

    found = {"TensorFlow's bound": tensorflow}
    for dtype in ("float32", *({backend.passes_dtype()} - {"float32"})):
        found[f"OpenVINO's bound, {dtype}"] = _openvino_bound(head, dtype)
    return found


def _openvino_bound(head, dtype: str) -> Callable:
    import openvino as ov
    from keras import ops

    size = head.shape[:2]

    def masked(picture, small):
        large = ops.image.resize(small[..., None], size, interpolation="bilinear")
        low = ops.min(large, axis=(1, 2), keepdims=True)
        high = ops.max(large, axis=(1, 2), keepdims=True)
        mask = (large - low) / ops.maximum(high - low, 1e-12)
        return head.forward(picture * mask)[1]

    tensor = backend.tf.TensorSpec
    maps = np.asarray(head.fast(np.zeros((1, *head.shape), np.float32))[0]).shape[1:3]
    traced = backend.compiled(masked).get_concrete_function(
        tensor((1, *head.shape), "float32"), tensor((8, *maps), "float32")
    )
    ready = ov.Core().compile_model(
        ov.convert_model(traced), "CPU",
        {
            "PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": "2",
            "INFERENCE_PRECISION_HINT": backend.PRECISIONS[dtype],
        },
    )  # fmt: skip
    queue = ov.AsyncInferQueue(ready, 2)

    def run(image):
        found = np.moveaxis(np.asarray(head.fast(image)[0])[0], -1, 0)
        for start in range(0, len(found), 8):
            queue.start_async({0: image, 1: np.ascontiguousarray(found[start : start + 8])})
        queue.wait_all()

    return run


def _ours(model) -> dict[str, Callable]:
    found = {"ours, float32": lambda image: explain(model, image, "score-cam").raw[0]}
    if backend.passes_dtype() != "float32":
        found[f"ours, {backend.passes_dtype()}"] = lambda image: explain(
            model, image, "score-cam", precision="auto"
        ).raw[0]
    if "anytime-score-cam" in METHODS:
        for precision in ("float32", "auto"):
            found[f"anytime, {precision}"] = lambda image, precision=precision: explain(
                model, image, "anytime-score-cam", precision=precision
            ).raw[0]
    return found


def _others_score(model, head) -> dict[str, Callable]:
    def by_hand(image):
        """What one writes by hand: every map enlarged and scaled by OpenCV, the pictures multiplied
        by NumPy, and all of them given to `predict` (the blog post's own loop is not at hand)."""
        maps = np.asarray(head.fast(image)[0])[0]
        large = [cv2.resize(maps[..., k], image.shape[2:0:-1]) for k in range(maps.shape[-1])]
        spans = [np.ptp(one) or 1 for one in large]
        masks = [(one - one.min()) / span for one, span in zip(large, spans, strict=True)]
        weights = model.predict(image * np.stack(masks)[..., None], verbose=0)[:, 0]
        return maps @ weights

    found = {"masks by OpenCV, one predict": by_hand}
    try:
        from torchcam.methods import ScoreCAM

        found["torch-cam"] = _torch_cam(model, head, ScoreCAM)
    except ImportError:
        print("torch-cam is not installed and left out.")
    try:
        from tf_keras_vis.scorecam import Scorecam

        vis = Scorecam(model)
        found["tf-keras-vis"] = lambda image: vis(
            lambda output: output[:, 0], image, penultimate_layer=head.layer,
            seek_penultimate_conv_layer=False,
        )[0]  # fmt: skip
    except ImportError:
        print("tf-keras-vis is not installed and left out.")
    return found


def _torch_cam(model, head, method) -> Callable:
    import torch

    from tests.benchmarks.in_torch import in_torch

    twin = in_torch(model)
    shape = (head.shape[2], *head.shape[:2])

    def run(image):
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(0, 3, 1, 2)))
        with method(twin, target_layer=head.layer, input_shape=shape) as extractor:
            logits = twin(pixels.requires_grad_(True))
            return extractor(1, logits)[0][0].numpy()

    return run


def _others_grad(model, head) -> dict[str, Callable]:
    try:
        from torchcam.methods import GradCAM
    except ImportError:
        return {}
    return {"torch-cam": _torch_cam(model, head, GradCAM)}


def _grad_bounds(model, head) -> dict[str, Callable]:
    """One pass forward and one back through the whole network, compiled."""
    from keras import ops

    def both(image):
        found = head.pixels(image, np.ones((1, head.units), np.float32))
        return np.asarray(found[0])

    return {
        "forward, TensorFlow": lambda image: np.asarray(head.fast(ops.convert_to_tensor(image))[1]),
        "forward and backward, TensorFlow": both,
    }


# --- the tables -----------------------------------------------------------------------------------


def _table(title: str, rows: dict[str, Callable], images, times: int, first: str) -> None:
    """Medians of seconds a picture; every row in turn on every picture, `times` rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    for work in rows.values():
        work(images[:1])
    for _ in range(times):
        for at in range(len(images)):
            for name, work in rows.items():
                time.sleep(REST)
                started = time.perf_counter()
                work(images[at : at + 1])
                seconds[name].append(time.perf_counter() - started)
    middle = {name: statistics.median(found) for name, found in seconds.items()}
    print(f"{title:36} s a picture   × {first}")
    for name, value in middle.items():
        print(f"{name:36} {value:11.4f}   {value / middle[first]:6.2f}")
    print()


def _agreement(model, images) -> None:
    """How far the fast ways are from exact float32 on these pictures."""
    exact = explain(model, images, "score-cam").raw
    others = {"bfloat16" if backend.passes_dtype() != "float32" else "auto": ("score-cam", "auto")}
    if "anytime-score-cam" in METHODS:
        others["anytime, float32"] = ("anytime-score-cam", "float32")
        others["anytime, auto"] = ("anytime-score-cam", "auto")
    print(f"{'against exact float32':36} rank correlation   largest error   passes a picture")
    for name, (method, precision) in others.items():
        heat = explain(model, images, method, precision=precision)
        ranks = [
            spearmanr(a.ravel(), b.ravel()).statistic
            for a, b in zip(heat.raw, exact, strict=True)
        ]
        error = np.abs(heat.raw - exact).max(axis=(1, 2)) / np.abs(exact).max(axis=(1, 2))
        print(
            f"{name:36} {statistics.mean(ranks):16.4f}   {statistics.mean(error):13.4f}   "
            f"{heat.passes / len(images):16.1f}"
        )


if __name__ == "__main__":
    main()
