"""Weights in PyTorch's old format are read without PyTorch, and nothing else is."""

import io
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from engine.errors import WeightsError
from engine.models import lite0
from engine.models.pth import MAGIC, PROTOCOL, read_pth


class _Named:
    """Pickled as the name of something else, as PyTorch's pickles name its functions."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def save(self, pickler):
        pickler.write(f"c{self.module}\n{self.name}\n".encode())


def written(tensors: dict, storages: dict, builder=("torch._utils", "_rebuild_tensor_v2")) -> bytes:
    """A file as torch.save wrote it: the tensors `name: (key, offset, shape, stride)`."""
    out = io.BytesIO()
    for value in (MAGIC, PROTOCOL, {"little_endian": True}):
        out.write(pickle.dumps(value, protocol=2))

    class Pickler(pickle._Pickler):
        def persistent_id(self, one):
            if isinstance(one, tuple) and one[:1] == ("storage",):
                return ("storage", _Named("torch", "FloatStorage"), one[1], "cpu", one[2])
            return None

        def save(self, one, save_persistent_id=True):
            if isinstance(one, _Named):
                one.save(self)
            elif isinstance(one, _Call):
                self.save(one.function)
                self.save(one.arguments)
                self.write(pickle.REDUCE)
            else:
                super().save(one, save_persistent_id)

    class _Call:
        def __init__(self, function, arguments):
            self.function, self.arguments = function, arguments

    stated = OrderedDict(
        (name, _Call(_Named(*builder), (
            ("storage", key, len(storages[key])), offset, shape, stride, False, OrderedDict(),
        )))
        for name, (key, offset, shape, stride) in tensors.items()
    )  # fmt: skip
    Pickler(out, protocol=2).dump(stated)
    out.write(pickle.dumps(list(storages), protocol=2))
    for values in storages.values():
        out.write(np.int64(len(values)).tobytes() + np.asarray(values, "<f4").tobytes())
    return out.getvalue()


STORAGES = {"7": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "8": [9.0]}
TENSORS = {
    "a": ("7", 0, (2, 3), (3, 1)),
    "turned": ("7", 0, (3, 2), (1, 3)),
    "part": ("7", 2, (2,), (1,)),
    "b": ("8", 0, (), ()),
}


def test_tensors_are_read_with_their_shapes_strides_and_offsets(tmp_path):
    path = tmp_path / "some.pth"
    path.write_bytes(written(TENSORS, STORAGES))
    found = read_pth(path)
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["part"].tolist() == [2, 3]
    assert found["b"].shape == ()
    assert found["b"] == 9


def test_a_file_that_names_a_function_is_refused_and_the_function_not_called(tmp_path):
    path = tmp_path / "evil.pth"
    made = tmp_path / "made"
    evil = f"cposix\nmkdir\n(V{made}\ntR.".encode()
    path.write_bytes(b"".join(pickle.dumps(v, 2) for v in (MAGIC, PROTOCOL, {})) + evil)
    with pytest.raises(WeightsError, match=r"names posix\.mkdir, and only tensors are read"):
        read_pth(path)
    assert not made.exists()
    path.write_bytes(written(TENSORS, STORAGES, builder=("builtins", "print")))
    with pytest.raises(WeightsError, match=r"names builtins\.print"):
        read_pth(path)


@pytest.mark.parametrize("kept", [0, 10, 60, 200, -2])
def test_a_file_that_ends_early_is_a_sentence(tmp_path, kept):
    path = tmp_path / "cut.pth"
    path.write_bytes(written(TENSORS, STORAGES)[:kept])
    with pytest.raises(WeightsError, match=r"'cut\.pth' is no file of weights that can be read"):
        read_pth(path)


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path):
    path = tmp_path / "wide.pth"
    path.write_bytes(written({**TENSORS, "a": ("8", 0, (2,), (1,))}, STORAGES))
    with pytest.raises(WeightsError, match="reaches beyond its storage"):
        read_pth(path)


def test_the_installed_weights_are_those_of_lite0():
    found = read_pth(lite0.weights_file())
    numbers = sum(one.size for name, one in found.items() if "num_batches" not in name)
    assert numbers == 4_694_024
    assert all(np.isfinite(one).all() for one in found.values())
