"""Do our heatmaps agree with torch-cam's on the same weights and pictures?

    python -m tests.benchmarks.agreement [--workspace W --run RUN] [--slow] [PICTURE ...]

Without a run, `classic` is trained on drawn pictures first, and twelve of its test pictures are
explained. Each row is a method that both have; the figures are rank correlations (Spearman) of the
two maps after their ReLU, the mean and the lowest of the pictures. Where the two differ, a second
row has torch-cam's method with the difference taken away, so that the reason given is seen to be
the reason. torch-cam stands in requirements-bench.txt.
"""

import argparse
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torchcam import methods as theirs

from engine import inference
from engine.cam import explain
from engine.cam.methods import METHODS
from engine.models.apart import take_apart
from engine.models.graph import last_of_each_size
from engine.runs import store
from tests.benchmarks.cam import pictures_of, trained_run
from tests.benchmarks.in_torch import in_torch

TARGET, PICTURES, SEED = 1, 12, 0
SAMPLES, SIGMA = 10, 0.1  # of Smooth Grad-CAM++


class DividedGradCAMpp(theirs.GradCAMpp):
    """torch-cam 0.5 divides a copy of alpha (`alpha[idx][mask].div_(...)`) and loses it, and sums
    A·g³ where eq. 19 has sum(A)·g³. Here is eq. 19."""

    def _get_weights(self, class_idx, scores, **kwargs):
        self._backprop(scores, class_idx, **kwargs)
        return [
            _eq_19(maps, g, g**2, g**3) for maps, g in zip(self.hook_a, self.hook_g, strict=True)
        ]


class AveragedSmoothGradCAMpp(theirs.SmoothGradCAMpp):
    """torch-cam takes the gradient of its last noisy copy for the ReLU, where the paper has the
    mean of all, and sums A·g³ as above."""

    def _compute_smoothgrad_weights(self, class_idx, eps, **kwargs):
        maps, powers = self.hook_a[0].clone(), [0, 0, 0]
        for _ in range(self.num_samples):
            noisy = self._input + self._distrib.sample(self._input.size())
            self._backprop(self.model(noisy.requires_grad_(True)), class_idx, **kwargs)
            gradient = self.hook_g[0].double()
            powers = [one + gradient ** (i + 1) for i, one in enumerate(powers)]
        self.hook_a[0] = maps
        return [_eq_19(maps, *(one / self.num_samples for one in powers))]


def _eq_19(maps, first, second, third):
    total = maps.double().sum(dim=(2, 3), keepdim=True)
    below = 2 * second.double() + total * third.double()
    alpha = torch.where(below == 0, 0, second / below)
    return (alpha * torch.relu(first)).sum(dim=(2, 3)).float()


class OurNoise:
    """torch-cam's distribution of noise, replaced by what we draw."""

    def __init__(self, image: np.ndarray):
        self.spread, self.drawn = SIGMA * np.ptp(image), 0

    def sample(self, size) -> torch.Tensor:
        shape = (size[2], size[3], size[1])
        noise = np.random.default_rng((SEED, self.drawn)).normal(size=shape)
        self.drawn += 1
        return torch.from_numpy((self.spread * noise).astype(np.float32).transpose(2, 0, 1)[None])


def rows(slow: bool) -> dict[str, tuple]:
    """A title to our method with its options, and torch-cam's class with its own."""
    smooth = {"samples": SAMPLES, "sigma": SIGMA}
    found = {
        "Grad-CAM": ("grad-cam", {}, theirs.GradCAM, {}),
        "Grad-CAM++": ("grad-cam++", {}, theirs.GradCAMpp, {}),
        "  its division kept": ("grad-cam++", {}, DividedGradCAMpp, {}),
        "Smooth Grad-CAM++, same noise": (
            "smooth-grad-cam++", smooth, theirs.SmoothGradCAMpp, {"num_samples": SAMPLES},
        ),
        "  the mean of the gradients": (
            "smooth-grad-cam++", smooth, AveragedSmoothGradCAMpp, {"num_samples": SAMPLES},
        ),
        "XGrad-CAM": ("xgrad-cam", {}, theirs.XGradCAM, {}),
        "Layer-CAM": ("layer-cam", {}, theirs.LayerCAM, {}),
        "Finer-CAM": ("finer-cam", {}, theirs.FinerCAM, {}),
        "RefineCAM": ("refine-cam", {}, theirs.RefineCAM, {}),
        "  on divided Grad-CAM++": (
            "refine-cam", {}, theirs.RefineCAM, {"base_method": DividedGradCAMpp},
        ),
        "Score-CAM (v2)": ("score-cam-v2", {}, theirs.ScoreCAM, {}),
    }  # fmt: skip
    if slow:
        found["IS-CAM"] = ("is-cam", {}, theirs.ISCAM, {})
        found["SS-CAM, other noise"] = ("ss-cam", {}, theirs.SSCAM, {})
    return {title: row for title, row in found.items() if row[0] in METHODS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--run")
    parser.add_argument("--slow", action="store_true", help="SS-CAM and IS-CAM too, for minutes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workspace, run = trained_run(asked, Path(scratch))
        model = inference.load(store.open_run(workspace, run)).model
        images = pictures_of(workspace, run, asked.pictures, PICTURES)
    layer, layers = take_apart(model).layer, last_of_each_size(model)
    print(f"\n{run}, {images.shape[1]} px, layer {layer} (RefineCAM: {' + '.join(layers)}), "
          f"{len(images)} pictures, torch-cam {version('torchcam')}\n")  # fmt: skip
    print("rank correlation with torch-cam       mean    lowest")
    for title, (method, options, their_class, their_options) in rows(asked.slow).items():
        ours = explain(model, images, method, target=TARGET, options=options, seed=SEED).raw
        several = METHODS[method].layers == "several"
        other = _theirs(model, list(layers) if several else layer, their_class, their_options)
        ranks = [
            spearmanr(np.maximum(one, 0).ravel(), other(image).ravel()).statistic
            for one, image in zip(ours, images, strict=True)
        ]
        print(f"{title:33} {np.mean(ranks):8.4f}  {np.min(ranks):8.4f}")


def _theirs(model, layer, their_class, options: dict) -> Callable[[np.ndarray], np.ndarray]:
    """A picture to torch-cam's map, at the resolution that ours has."""
    twin = in_torch(model)
    target = [f"{one}_relu" if twin_has_relu(twin, one) else one for one in np.atleast_1d(layer)]

    def run(image: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
        shape = tuple(pixels.shape[1:])
        with their_class(
            twin, target if len(target) > 1 else target[0], input_shape=shape, **options
        ) as extractor:
            if issubclass(their_class, theirs.SmoothGradCAMpp):
                extractor._distrib = OurNoise(image)
            logits = twin(pixels.requires_grad_(True))
            if their_class is theirs.RefineCAM:
                return extractor(TARGET, logits, target_shape=image.shape[:2])[0][0].numpy()
            return extractor(TARGET, logits, normalized=False)[0][0].detach().numpy()

    return run


def twin_has_relu(twin, layer: str) -> bool:
    return f"{layer}_relu" in dict(twin.named_children())


if __name__ == "__main__":
    main()
