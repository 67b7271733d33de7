"""The weights' file format, read without trusting it."""

import builtins
import os
import pickle
import struct
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from annotate.offline import checkpoint
from annotate.offline.checkpoint import UnreadableCheckpointError

MAGIC = 0x1950A86A20F9469CFC6C
VALUES = np.arange(12, dtype="<f4")


class FloatStorage:
    """Under this name PyTorch keeps 32-bit numbers."""


class UnknownStorage:
    """Under this name PyTorch keeps nothing."""


def _rebuild_tensor_v2() -> None:
    """PyTorch pickles a tensor as a call of this."""


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let these names be pickled as PyTorch's."""
    for module, name, thing in (
        ("torch", "FloatStorage", FloatStorage),
        ("torch", "UnknownStorage", UnknownStorage),
        ("torch._utils", "_rebuild_tensor_v2", _rebuild_tensor_v2),
    ):
        monkeypatch.setitem(sys.modules, module, sys.modules.get(module) or ModuleType(module))
        monkeypatch.setattr(sys.modules[module], name, thing, raising=False)
        monkeypatch.setattr(thing, "__module__", module)


class Storage:
    def __init__(self, kind: type = FloatStorage, elements: int = len(VALUES), reference: str = "storage") -> None:
        self.reference = (reference, kind, "0", "cpu", elements, None)


class Call:
    """Pickled as the call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def a_tensor(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, storage: Storage | None = None) -> Call:
    return Call(_rebuild_tensor_v2, storage or Storage(), offset, shape, strides, False, OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, thing: object) -> Any:
        return thing.reference if isinstance(thing, Storage) else None


def written(path: Path, state: object, values: NDArray[Any] = VALUES, magic: int = MAGIC) -> Path:
    with path.open("wb") as file:
        for thing in (magic, 1001, {"little_endian": True}, state, ["0"]):
            Pickler(file, 2).dump(thing)
        file.write(struct.pack("<q", len(values)) + values.tobytes())
    return path


def test_tensors_are_read_by_name(tmp_path: Path) -> None:
    state = OrderedDict(bias=a_tensor((4,), (1,)), weight=a_tensor((2, 4), (4, 1), offset=4))
    tensors = checkpoint.read(written(tmp_path / "a.pth", state))
    assert list(tensors) == ["bias", "weight"]
    assert tensors["weight"].tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]


def test_a_transposed_tensor_is_read_as_it_is_seen(tmp_path: Path) -> None:
    state = {"weight": a_tensor((4, 3), (1, 4))}
    assert checkpoint.read(written(tmp_path / "a.pth", state))["weight"].tolist() == VALUES.reshape(3, 4).T.tolist()


@pytest.mark.parametrize(
    "function", [os.system, builtins.eval, builtins.getattr, Counter, np.fromstring, pickle.loads], ids=str
)
def test_a_call_that_makes_no_tensor_is_refused(tmp_path: Path, function: Callable[..., Any]) -> None:
    marker = tmp_path / "executed"
    path = written(tmp_path / "a.pth", {"weight": Call(function, f"touch '{marker}'")})
    with pytest.raises(UnreadableCheckpointError, match=f"{function.__name__}, which is refused"):
        checkpoint.read(path)
    assert not marker.exists()


def test_a_refused_call_would_have_been_made_by_pickle(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps(Call(os.system, f"touch '{marker}'")))
    pickle.loads(path.read_bytes())
    assert marker.exists()


@pytest.mark.parametrize(
    "tensor",
    [
        a_tensor((13,), (1,)),
        a_tensor((4,), (1,), offset=9),
        a_tensor((4,), (1,), offset=-1),
        a_tensor((4,), (-1,)),
        a_tensor((2, 2), (1, 100)),
        a_tensor((2**62, 2**62), (1, 1)),
    ],
)
def test_a_tensor_that_reaches_out_of_its_storage_is_refused(tmp_path: Path, tensor: Call) -> None:
    with pytest.raises(UnreadableCheckpointError):
        checkpoint.read(written(tmp_path / "a.pth", {"weight": tensor}))


@pytest.mark.parametrize(
    "storage", [Storage(UnknownStorage), Storage(elements=11), Storage(elements=-1), Storage(reference="module")]
)
def test_a_storage_of_another_kind_or_size_is_refused(tmp_path: Path, storage: Storage) -> None:
    path = written(tmp_path / "a.pth", {"weight": a_tensor((4,), (1,), storage=storage)})
    with pytest.raises(UnreadableCheckpointError):
        checkpoint.read(path)


@pytest.mark.parametrize("state", [{"weight": 5}, 5, {"weight": VALUES.tolist()}])
def test_a_state_without_tensors_is_refused(tmp_path: Path, state: object) -> None:
    with pytest.raises(UnreadableCheckpointError):
        checkpoint.read(written(tmp_path / "a.pth", state))


def test_another_magic_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableCheckpointError, match="first format"):
        checkpoint.read(written(tmp_path / "a.pth", {}, magic=1))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no pickle at all", bytes(100)])
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(data)
    with pytest.raises(UnreadableCheckpointError):
        checkpoint.read(path)


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.pth", {"weight": a_tensor((4,), (1,))}).read_bytes()
    for length in range(len(whole)):
        path = tmp_path / "cut.pth"
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableCheckpointError):
            checkpoint.read(path)
