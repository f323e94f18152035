"""Muon for networks of convolutions: Keras's own knows matrices only."""

import keras
from keras import ops

WEIGHT_DECAY = 0.05  # of the kernels, times the rate, a step; other variables have none


class ConvolutionMuon(keras.optimizers.Muon):
    """Steps of convolutions' kernels made orthogonal (Jordan 2024); AdamW for every other variable.

    Keras's Muon leaves to AdamW whatever is not a matrix. Here a kernel `(kh, kw, in, out)` is the
    matrix `(kh · kw · in, out)` that takes a patch to its outputs. A step is as large as AdamW's
    (Liu et al. 2025, "Muon is scalable for LLM training"), so one rate serves both.
    """

    def __init__(self, learning_rate: float, momentum: float):
        super().__init__(
            learning_rate, momentum=momentum, weight_decay=WEIGHT_DECAY, adam_weight_decay=None
        )

    def _should_use_adamw(self, variable) -> bool:
        return len(variable.shape) != 4

    def zeropower_via_newtonschulz5(self, x, steps: int):
        """In bfloat16, as the method's author does: five steps only come near to orthogonal."""
        matrix = ops.cast(ops.reshape(x, (-1, x.shape[-1])), "bfloat16")
        found = super().zeropower_via_newtonschulz5(matrix, steps)
        return ops.reshape(ops.cast(found, x.dtype), x.shape)

    def lr_adjust(self, x):
        rows, columns = x.shape[0] * x.shape[1] * x.shape[2], x.shape[3]
        return x * (self.rms_rate * max(rows, columns) ** 0.5)
