"""Reads the tensors of an untrusted PyTorch checkpoint, without PyTorch.

A checkpoint in PyTorch's first format is a series of pickles (magic number, protocol, system, state, keys of storages)
followed by each storage: its number of elements as a little-endian 64-bit integer, and the elements.
https://github.com/pytorch/pytorch/blob/v1.5.0/torch/serialization.py#L470

A pickle can call any function that it can import, so this reader only resolves tensors and their containers.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class UnreadableCheckpointError(Exception):
    """The file is not a checkpoint, or contains something other than tensors."""


@dataclass
class _Storage:
    dtype: np.dtype[Any]
    elements: int
    values: NDArray[Any] = field(init=False)


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def values(self) -> NDArray[Any]:
        """Return a view of the elements; numpy rejects one that exceeds the storage."""
        dtype = self.storage.dtype
        strides = tuple(stride * dtype.itemsize for stride in self.strides)
        return np.ndarray(self.shape, dtype, self.storage.values, self.offset * dtype.itemsize, strides)


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    """Builds dictionaries and tensors, and rejects everything else."""

    def __init__(self, file: IO[bytes], storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _DTYPES:
            return np.dtype(_DTYPES[name])
        raise UnreadableCheckpointError(f"the checkpoint refers to {module}.{name}, which is not allowed")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _location, elements, view = pid
        if kind != "storage" or view is not None:
            raise UnreadableCheckpointError("the checkpoint refers to something other than a storage")
        return self._storages.setdefault(key, _Storage(dtype, elements))


def read(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    """Return the tensors of a checkpoint by name.

    Raises:
        UnreadableCheckpointError: the file is not a checkpoint, is truncated, or contains more than tensors.
    """
    storages: dict[str, _Storage] = {}
    try:
        magic, protocol, _system, state, keys = (_Unpickler(file, storages).load() for _ in range(5))
        if (magic, protocol) != (_MAGIC, _PROTOCOL):
            raise UnreadableCheckpointError("the file is not a checkpoint of PyTorch's first format")
        for key in keys:
            storage = storages[key]
            (elements,) = np.frombuffer(file.read(8), "<i8")
            if elements != storage.elements:
                raise UnreadableCheckpointError("a storage of the checkpoint has the wrong size")
            storage.values = np.frombuffer(file.read(storage.elements * storage.dtype.itemsize), storage.dtype)
            if storage.values.size != storage.elements:
                raise UnreadableCheckpointError("the checkpoint is truncated")
        return {name: tensor.values() for name, tensor in state.items()}
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableCheckpointError(f"the checkpoint cannot be read: {error}") from error
