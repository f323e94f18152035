"""The only room that knows TensorFlow and OpenVINO: devices, memory, seeds, gradients, compiled
functions.

Everything else is written against Keras 3. Importing this module imports TensorFlow (seconds), so
commands import it inside the functions that need a model.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # up to a limit, too, where one is set

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

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

# It counts by the place in the code, and takes one function of each of many models for one function
# of many shapes.
logging.getLogger("tensorflow").addFilter(
    lambda record: "triggered tf.function retracing" not in record.getMessage()
)
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}  # as OpenVINO calls them
OUT_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)  # on whichever device


def prepare_process(gpu_memory_mb: int | None = None) -> None:
    """Let this process share its GPUs; call it before the first operation.

    Memory grows on demand, up to `gpu_memory_mb` megabytes on each GPU if a limit is given. On a
    machine without a GPU nothing happens. A second call is harmless.
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


def try_out() -> None:
    """A product of matrices on whatever computes here.

    Raises:
        RuntimeError: if it is not what it must be; or whatever TensorFlow raises.
    """
    ones = tf.ones((64, 64))
    if float(tf.reduce_sum(ones @ ones)) != 64.0**3:
        raise RuntimeError("a product of matrices is wrong")


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


def gradients_of(function, inputs):
    """What a function computes on its way, and the gradient of what it ends in.

    Args:
        function: maps `(inputs, watch)` to `(watched, total, *others)`: a tensor or a tuple of
            tensors, and what is differentiated, which is summed. It calls `watch(watched)` before
            it computes anything from them.
        inputs: tensor `(n, h, w, 3)`, float.

    Returns:
        watched; the gradient of `total` by them (zeros where it does not depend on them); others.
    """
    inputs = tf.convert_to_tensor(inputs)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        watched, total, *others = function(inputs, tape.watch)
        total = tf.reduce_sum(total)
    gradient = tape.gradient(total, watched, unconnected_gradients="zero")
    return watched, gradient, *others


def curvature_of(function, inputs):
    """As `gradients_of`, for one watched tensor, and its Hessian times the tensor after the
    gradient: how the gradient changes along it."""
    inputs = tf.convert_to_tensor(inputs)
    outer, inner = (tf.GradientTape(watch_accessed_variables=False) for _ in range(2))

    def watch(tensor):
        outer.watch(tensor)
        inner.watch(tensor)

    with outer:
        with inner:
            watched, total, *others = function(inputs, watch)
            total = tf.reduce_sum(total)
        gradient = inner.gradient(total, watched, unconnected_gradients="zero")
        along = tf.reduce_sum(gradient * tf.stop_gradient(watched))
    product = outer.gradient(along, watched, unconnected_gradients="zero")
    return watched, gradient, product, *others


def derivative(function, at, direction):
    """The derivative of a function at a place in a direction, forward."""
    with tf.autodiff.ForwardAccumulator(at, direction) as forward:
        value = function(at)
    return forward.jvp(value, unconnected_gradients="zero")


def linear_parts(function, inputs) -> list:
    """J·x for each output of a function of tensors x, J being its Jacobian there: what it would
    give if it were linear. It is the gradient by u of (Jᵀu)·x, which is linear in u."""
    inputs = [tf.stop_gradient(one) for one in inputs]
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(inputs)
            outputs = tf.nest.flatten(function(inputs))
        u = [tf.ones_like(one) for one in outputs]
        outer.watch(u)
        back = inner.gradient(outputs, inputs, u, unconnected_gradients="zero")
        along = [tf.reduce_sum(g * x) for g, x in zip(back, inputs, strict=True)]
    return outer.gradient(along, u, unconnected_gradients="zero")


# --- many forward passes --------------------------------------------------------------------------


@dataclass(frozen=True)
class Compiled:
    """A function of arrays, compiled for many passes in inference.

    Attributes:
        engine: what computes, as a person reads it: "OpenVINO 2026.4, bfloat16".
        note: why it is not OpenVINO, in a sentence; empty where it is, and on a GPU.
        at_once: how many calls compute side by side; more wait.
        call: arrays `(n, ...)` float32, in the order of the function's, to `(n, ...)` float32; any
            thread may call it.
    """

    engine: str
    note: str
    at_once: int
    call: Callable[..., np.ndarray]

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """What `call` gives for each batch, in order; the next is read while others compute."""
        with ThreadPoolExecutor(self.at_once) as pool:
            busy = deque()
            for batch in batches:
                if len(busy) == self.at_once:
                    yield busy.popleft().result()
                busy.append(pool.submit(self.call, batch))
            while busy:
                yield busy.popleft().result()


def forward(model: keras.Model, *, exact: bool = True) -> Compiled:
    """A model with one input and one output, for many passes; see `compile_passes`."""
    shape = model.inputs[0].shape[1:]
    name, dtype = f"'{model.name}'", model.compute_dtype
    return compile_passes(
        lambda x: model(x, training=False), [shape], name=name, exact=exact, dtype=dtype
    )


def compile_passes(
    function, shapes: Sequence[tuple], *, name: str, exact: bool = True, dtype: str = "float32"
) -> Compiled:
    """A function of float32 tensors that share their first axis, for many passes.

    On a CPU OpenVINO computes, two to three times as fast as TensorFlow; on a GPU, or where
    OpenVINO is missing or refuses the function, TensorFlow does, and `engine` and `note` say so.
    The weights are those of this moment.

    Args:
        shapes: of each tensor, without the first axis; None for a length that varies.
        name: as the note calls what could not be compiled.
        exact: in float32; otherwise in what the processor is fastest in, see `passes_dtype`.
        dtype: what TensorFlow computes the function in, as it says of itself.
    """
    signature = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
    traced = compiled(function).get_concrete_function(*signature)
    if not _gpus():
        try:
            return _by_openvino(traced, "float32" if exact else passes_dtype())
        except ImportError:
            note = "OpenVINO is not installed, so TensorFlow computed; `make setup` installs it."
        except Exception as error:  # whatever it does not know of a network
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            note = f"OpenVINO could not compile {name} ({why}), so TensorFlow computed."
    else:
        note = ""

    def call(*arrays: np.ndarray) -> np.ndarray:
        return np.asarray(traced(*map(tf.constant, arrays)), np.float32)

    return Compiled(f"TensorFlow {tf.__version__}, {dtype}", note, 1, call)


def passes_dtype() -> str:
    """What `exact=False` computes in here: "bfloat16" where the processor has instructions for it
    and OpenVINO is there to use them, else "float32"."""
    try:
        capable = _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except Exception:
        return "float32"
    return "bfloat16" if "BF16" in capable and not _gpus() else "float32"


def _openvino():
    """The module, without the telemetry that its converter would send: where that package cannot
    be imported, a stub of its own takes its place."""
    sys.modules.setdefault("openvino_telemetry", None)
    import openvino

    return openvino


def _by_openvino(traced, dtype: str) -> Compiled:
    ov = _openvino()
    converted = ov.convert_model(traced)
    for result in converted.get_results():  # it makes one of whatever leads nowhere, too
        if traced.outputs[0].name not in result.input_value(0).get_names():
            converted.remove_result(result)
    ready = ov.Core().compile_model(
        converted,
        "CPU",
        {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": PRECISIONS[dtype]},
    )
    at_once, requests = ready.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"), threading.local()

    def call(*arrays: np.ndarray) -> np.ndarray:
        if not hasattr(requests, "mine"):  # a request serves one thread at a time
            requests.mine = ready.create_infer_request()
        requests.mine.infer(list(arrays), share_inputs=True)
        found = requests.mine.get_output_tensor(0).data
        return found.astype(np.float32)  # a copy: the next call writes over it

    version = ".".join(ov.__version__.split("-")[0].split(".")[:2])
    return Compiled(f"OpenVINO {version}, {dtype}", "", at_once, call)
