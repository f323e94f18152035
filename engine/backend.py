"""The only room that knows TensorFlow: devices, memory, seeds, gradients, compiled functions.

Everything else is written against Keras 3. Importing this module imports TensorFlow (seconds), so
commands import it inside the functions that need a model.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

import threading
from contextlib import contextmanager

_one_at_a_time = threading.Lock()


@contextmanager
def _quiet():
    """Keep notices such as "Could not find cuda drivers" off the terminal: on a machine without a
    GPU they are no news, and they are written past every logging level.

    One thread at a time: the second would keep the first one's null device as the way back."""
    with _one_at_a_time:
        kept = os.dup(2)
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - os.dup2 needs a plain file
            os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _quiet():
    import keras
    import numpy as np
    import tensorflow as tf

OUT_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)  # on whichever device

def prepare_process(gpu_memory_mb: int | None = None) -> None:
    """Let this process share its GPUs; call it before the first operation.

    Memory grows on demand, or is limited to `gpu_memory_mb` megabytes on each GPU. On a machine
    without a GPU nothing happens. A second call is harmless.
    """
    for gpu in _gpus():
        try:
            if gpu_memory_mb is None:
                tf.config.experimental.set_memory_growth(gpu, True)
            else:
                limit = tf.config.LogicalDeviceConfiguration(memory_limit=gpu_memory_mb)
                tf.config.set_logical_device_configuration(gpu, [limit])
        except RuntimeError:
            return  # the GPU is in use already, under the settings of the first call


def _gpus() -> list:
    with _quiet():
        return tf.config.list_physical_devices("GPU")


def device() -> dict:
    """What computes here: kind ("CPU" or "GPU"), name, cores, GPUs by name."""
    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
        for gpu in _gpus()
    ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    kind = "GPU" if gpus else "CPU"
    return {"kind": kind, "name": gpus[0] if gpus else f"CPU, {cores} cores", "cores": cores,
            "gpus": gpus}  # fmt: skip


def versions() -> dict[str, str]:
    return {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}


def make_repeatable(seed: int) -> None:
    """Same seed, same numbers. For a process that trains, never for the dashboard's server: the
    seeds of Python, NumPy and TensorFlow are global and reach into other threads."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def compiled(function):
    """`function` of tensors as one graph, traced once for each shape; its Python is run as it is,
    as Keras does when it traces a model."""
    return tf.function(function, reduce_retracing=True, autograph=False)


def gradients_of_sum(function, inputs, weights):
    """Activations and the gradient of a score with respect to them.

    Args:
        function: maps `(inputs, watch)` to `(activations, scores)`, activations `(n, ...)`, scores
            `(n, k)`; it calls `watch(activations)` before it computes anything from them.
        inputs: tensor `(n, h, w, 3)`, float.
        weights: `(n, k)`, what each score counts for in the sum that is differentiated.

    Returns:
        Activations, their gradient (zeros where the score does not depend on them), scores.
    """
    inputs = tf.convert_to_tensor(inputs)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        activations, scores = function(inputs, tape.watch)
        total = tf.reduce_sum(scores * tf.cast(weights, scores.dtype))
    gradient = tape.gradient(total, activations, unconnected_gradients="zero")
    return activations, gradient, scores
