"""Reads the arrays out of a `.pth` file of PyTorch's format before 1.6, without PyTorch.

Such a file is a row of pickles, and a pickle may name any function to be called. So this reader
knows four names, which build tensors and the dictionary that holds them, and refuses every other.
"""

import io
import pickle  # nosec B403 # its reader below finds no function but three that make tensors
from collections import OrderedDict
from pathlib import Path

import numpy as np

from engine.errors import WeightsError

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


def read_pth(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state dictionary by name.

    Raises:
        WeightsError: if the file is damaged, of another format, or holds anything but tensors.
    """
    try:
        with path.open("rb") as file:
            if [_Plain(file).load(), _Plain(file).load()] != [MAGIC, PROTOCOL]:
                raise pickle.UnpicklingError("it is no .pth file of the format before PyTorch 1.6")
            _Plain(file).load()  # about the machine that wrote it
            tensors = _Tensors(file)
            stated = tensors.load()
            stored = {key: _values(file, tensors.kinds[key]) for key in _Plain(file).load()}
        return {name: one.of(stored) for name, one in stated.items()}
    except OSError as error:
        raise WeightsError(
            f"'{path}' cannot be read ({error.strerror}); install the packages again."
        ) from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise WeightsError(
            f"'{path.name}' is no file of weights that can be read ({error}); install the packages "
            "again."
        ) from error


class _Plain(pickle.Unpickler):
    """Numbers, strings, lists and dictionaries; no name is looked up."""

    def find_class(self, module: str, name: str):
        raise pickle.UnpicklingError(f"it names {module}.{name}, and only tensors are read")


class _Tensors(_Plain):
    """Tensors, as views of storages whose values come later in the file."""

    def __init__(self, file: io.BufferedIOBase):
        super().__init__(file)
        self.kinds: dict[str, str] = {}  # of each storage its dtype

    def find_class(self, module: str, name: str):
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _View,
        }
        return known.get((module, name)) or super().find_class(module, name)

    def persistent_load(self, told: tuple) -> str:
        _, dtype, key, *_ = told
        self.kinds[key] = dtype
        return key


class _View:
    """A tensor: which storage, from where on, and its shape."""

    def __init__(self, key: str, offset: int, shape: tuple, stride: tuple, *_):
        self.key, self.offset, self.shape, self.stride = key, offset, shape, stride

    def of(self, stored: dict[str, np.ndarray]) -> np.ndarray:
        values = stored[self.key][self.offset :]
        strides = [step * values.itemsize for step in self.stride]
        needed = 1 + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True))
        if min((*self.shape, *self.stride), default=0) < 0 or needed > values.size:
            raise pickle.UnpicklingError("a tensor reaches beyond its storage")
        return np.lib.stride_tricks.as_strided(values, self.shape, strides, writeable=False).copy()


def _values(file: io.BufferedIOBase, dtype: str) -> np.ndarray:
    n = int(np.frombuffer(file.read(8), "<i8")[0])
    data = file.read(n * np.dtype(dtype).itemsize)
    if len(data) != n * np.dtype(dtype).itemsize:
        raise pickle.UnpicklingError("it ends too early")
    return np.frombuffer(data, dtype)
