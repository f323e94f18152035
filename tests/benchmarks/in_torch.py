"""A Keras network of plain layers, in PyTorch with the same weights, for libraries that need one.

Layers keep their names, so that torch-cam finds the same one. The last Dense gives logits; of one
sigmoid unit (z) it gives two, (0, z), whose softmax is (1 − p, p).
"""

from collections import OrderedDict

import keras
import numpy as np
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self, by: float):
        super().__init__()
        self.by = by

    def forward(self, x):
        return x * self.by


class Average(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


def in_torch(model: keras.Model) -> nn.Module:
    """The network in inference, for pictures `(n, 3, h, w)`.

    Raises:
        TypeError: at a layer of another kind than the presets `classic` is made of.
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for layer in model.layers[1:]:
        module = _module(layer)
        modules[layer.name] = module
        if getattr(layer, "activation", None) is keras.activations.relu:
            modules[f"{layer.name}_relu"] = nn.ReLU()
    found = nn.Sequential(modules).eval()
    for parameter in found.parameters():
        parameter.requires_grad_(True)
    return found


def _module(layer) -> nn.Module:
    weights = [np.asarray(one) for one in layer.get_weights()]
    if isinstance(layer, keras.layers.Rescaling):
        return Scale(float(layer.scale))
    if isinstance(layer, keras.layers.Conv2D):
        kernel, bias = weights
        module = nn.Conv2d(*kernel.shape[2:], kernel.shape[:2], padding="same")
        return _filled(module, weight=kernel.transpose(3, 2, 0, 1), bias=bias)
    if isinstance(layer, keras.layers.BatchNormalization):
        gamma, beta, mean, variance = weights
        module = nn.BatchNorm2d(len(gamma)) if len(layer.output.shape) == 4 else nn.BatchNorm1d(
            len(gamma)
        )  # fmt: skip
        module.eps = layer.epsilon
        return _filled(module, weight=gamma, bias=beta, running_mean=mean, running_var=variance)
    if isinstance(layer, keras.layers.MaxPooling2D):
        return nn.MaxPool2d(layer.pool_size, layer.strides)
    if isinstance(layer, keras.layers.GlobalAveragePooling2D):
        return Average()
    if isinstance(layer, keras.layers.Dense):
        kernel, bias = weights
        if kernel.shape[1] == 1:
            kernel, bias = np.hstack([np.zeros_like(kernel), kernel]), np.append(0, bias)
        return _filled(nn.Linear(*kernel.shape), weight=kernel.T, bias=bias)
    raise TypeError(f"{type(layer).__name__} has no twin here.")


def _filled(module: nn.Module, **values: np.ndarray) -> nn.Module:
    for name, value in values.items():
        getattr(module, name).data.copy_(torch.tensor(np.ascontiguousarray(value)))
    return module
