"""Untrusted PyTorch checkpoints."""

import builtins
import os
import pickle
import struct
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from io import BytesIO
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


# PyTorch's classes of elements and the function that it pickles for a tensor; it does not use the second class.
FloatStorage, UnknownStorage, rebuild = (
    type(name, (), {"__module__": module})
    for module, name in (
        ("torch", "FloatStorage"),
        ("torch", "UnknownStorage"),
        ("torch._utils", "_rebuild_tensor_v2"),
    )
)


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make these names picklable as PyTorch's."""
    for thing in (FloatStorage, UnknownStorage, rebuild):
        module = sys.modules.get(thing.__module__) or ModuleType(thing.__module__)
        monkeypatch.setitem(sys.modules, thing.__module__, module)
        monkeypatch.setattr(module, thing.__name__, thing, raising=False)


class Storage:
    def __init__(self, kind: type = FloatStorage, elements: int = len(VALUES), reference: str = "storage") -> None:
        self.reference = (reference, kind, "0", "cpu", elements, None)


class Call:
    """Pickled as a function call."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def a_tensor(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, storage: Storage | None = None) -> Call:
    return Call(rebuild, storage or Storage(), offset, shape, strides, False, OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, thing: object) -> Any:
        return thing.reference if isinstance(thing, Storage) else None


def written(state: object, values: NDArray[Any] = VALUES, magic: int = MAGIC) -> BytesIO:
    file = BytesIO()
    for thing in (magic, 1001, {"little_endian": True}, state, ["0"]):
        Pickler(file, 2).dump(thing)
    file.write(struct.pack("<q", len(values)) + values.tobytes())
    return BytesIO(file.getvalue())


def assert_rejected(file: BytesIO, reason: str | None = None) -> None:
    with pytest.raises(UnreadableCheckpointError, match=reason):
        checkpoint.read(file)


def test_tensors_are_read_by_name() -> None:
    state = OrderedDict(bias=a_tensor((4,), (1,)), weight=a_tensor((2, 4), (4, 1), offset=4))
    tensors = checkpoint.read(written(state))
    assert list(tensors) == ["bias", "weight"]
    assert tensors["weight"].tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]


def test_a_transposed_tensor_keeps_its_shape() -> None:
    state = {"weight": a_tensor((4, 3), (1, 4))}
    assert checkpoint.read(written(state))["weight"].tolist() == VALUES.reshape(3, 4).T.tolist()


@pytest.mark.parametrize(
    "function", [os.system, builtins.eval, builtins.getattr, Counter, np.fromstring, pickle.loads], ids=str
)
def test_a_call_that_creates_no_tensor_is_rejected(tmp_path: Path, function: Callable[..., Any]) -> None:
    marker = tmp_path / "executed"
    state = {"weight": Call(function, f"touch '{marker}'")}
    assert_rejected(written(state), f"{function.__name__}, which is not allowed")
    assert not marker.exists()


def test_pickle_itself_would_make_that_call(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    pickle.loads(pickle.dumps(Call(os.system, f"touch '{marker}'")))
    assert marker.exists()


INVALID_STATES = [
    # A tensor that exceeds its storage.
    {"weight": a_tensor((13,), (1,))},
    {"weight": a_tensor((4,), (1,), offset=9)},
    {"weight": a_tensor((4,), (1,), offset=-1)},
    {"weight": a_tensor((4,), (-1,))},
    {"weight": a_tensor((2, 2), (1, 100))},
    {"weight": a_tensor((2**62, 2**62), (1, 1))},
    # A storage of another type or size.
    {"weight": a_tensor((4,), (1,), storage=Storage(UnknownStorage))},
    {"weight": a_tensor((4,), (1,), storage=Storage(elements=11))},
    {"weight": a_tensor((4,), (1,), storage=Storage(elements=-1))},
    {"weight": a_tensor((4,), (1,), storage=Storage(reference="module"))},
    # No tensors.
    {"weight": 5},
    5,
    {"weight": VALUES.tolist()},
]


@pytest.mark.parametrize("state", INVALID_STATES)
def test_an_invalid_state_is_rejected(state: object) -> None:
    assert_rejected(written(state))


def test_another_magic_number_is_rejected() -> None:
    assert_rejected(written({}, magic=1), "first format")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no pickle at all", bytes(100)])
def test_another_file_is_rejected(data: bytes) -> None:
    assert_rejected(BytesIO(data))


def test_a_truncated_file_is_rejected() -> None:
    whole = written({"weight": a_tensor((4,), (1,))}).getvalue()
    for length in range(len(whole)):
        assert_rejected(BytesIO(whole[:length]))
