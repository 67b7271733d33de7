"""Finds faces with MTCNN, a cascade of three small networks, in numpy.

K. Zhang, Z. Zhang, Z. Li, Y. Qiao: Joint face detection and alignment using multitask cascaded convolutional networks,
2016, https://arxiv.org/abs/1604.02878. The weights are those of the package facenet-pytorch, which is never imported:
that would import PyTorch.

The first network looks for faces of 12x12 pixels everywhere in smaller and smaller copies of the picture. The other two
look at each candidate again, in 24x24 and 48x48 pixels.

Arrays are (pictures, rows, columns, channels), float32. Boxes are (boxes, 4): left, top, right, bottom, in pixels.
"""

from dataclasses import dataclass
from importlib.metadata import distribution
from itertools import product
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotate.offline import checkpoint

Array = NDArray[np.float32]
Tensors = dict[str, NDArray[Any]]

_BOX = 480  # the picture is searched at this size, in pixels
_SMALLEST_FACE = 20  # in pixels of that size
_NEXT_COPY = 0.709  # the side of each copy of the picture, relative to the one before: half the area
_CELL, _STRIDE = 12, 2  # of the first network: the side of what it looks at, and the step to the next
_MAX_CANDIDATES = 200  # of each network, the best first: bounds the time for a picture
_MINIMA = (0.6, 0.7, 0.9)  # the scores that the networks demand
_OVERLAP = 0.5  # of two boxes that have more in common than this, relative to both together, one is dropped
_OVERLAP_OF_COPIES = 0.7  # the same for boxes from copies of different sizes


@dataclass(frozen=True)
class Face:
    """A face: its score from 0 to 1, and its height as a part of the picture's."""

    score: float
    height: float


class Network:
    """One of the three networks."""

    def __init__(self, tensors: Tensors, pools: tuple[int, ...]) -> None:
        """Take the tensors of the PyTorch model, and the side of the pooling after each convolution, 0 for none."""
        self._layers = [_Convolution.of(tensors, number, pool) for number, pool in enumerate(pools, 1)]
        last = len(pools) + 1
        if f"dense{last}.weight" in tensors:
            self._layers.append(_Convolution.dense(tensors, last))
            last += 1
        kind = "dense" if f"dense{last}_1.weight" in tensors else "conv"
        self._score, self._shift = (
            (_matrix(tensors[f"{kind}{last}_{output}.weight"]), tensors[f"{kind}{last}_{output}.bias"])
            for output in (1, 2)
        )

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Look at pictures with values from -1 to 1.

        Returns:
            the scores of a face, from 0 to 1, and the corrections of its box, in parts of the box. The first network
            gives them for each cell of a picture, the others for each picture.
        """
        for layer in self._layers:
            x = layer(x)
        weights, bias = self._score
        logits = x @ weights + bias
        score = 1 / (1 + np.exp(np.clip(logits[..., 0] - logits[..., 1], -50, 50)))
        weights, bias = self._shift
        return score, x @ weights + bias


@dataclass(frozen=True)
class _Convolution:
    """A convolution without margins, a leaky ReLU and a max pooling; weights are (rows x columns x inputs, outputs)."""

    kernel: int
    weights: Array
    bias: Array
    slope: Array
    pool: int

    @classmethod
    def of(cls, tensors: Tensors, number: int, pool: int) -> Self:
        weights = tensors[f"conv{number}.weight"]
        return cls(
            weights.shape[2], _matrix(weights), tensors[f"conv{number}.bias"], tensors[f"prelu{number}.weight"], pool
        )

    @classmethod
    def dense(cls, tensors: Tensors, number: int) -> Self:
        """Turn a dense layer into the convolution of all that it gets. PyTorch's model hands it columns first."""
        weights = tensors[f"dense{number}.weight"]
        inputs = len(tensors[f"conv{number - 1}.bias"])
        side = round((weights.shape[1] / inputs) ** 0.5)
        weights = weights.reshape(-1, side, side, inputs).transpose(0, 3, 2, 1)
        return cls(side, _matrix(weights), tensors[f"dense{number}.bias"], tensors[f"prelu{number}.weight"], 0)

    def __call__(self, x: Array) -> Array:
        rows, columns = (side - self.kernel + 1 for side in x.shape[1:3])
        taps = [x[:, i : i + rows, j : j + columns] for i, j in product(range(self.kernel), repeat=2)]
        y = np.concatenate(taps, axis=3) @ self.weights + self.bias
        y = np.maximum(y, 0) + self.slope * np.minimum(y, 0)
        return _max_pooled(y, self.pool) if self.pool else y


class FaceDetector:
    """The three networks; about half a million weights, 2 MB."""

    def __init__(self, proposal: Tensors, refinement: Tensors, output: Tensors) -> None:
        """Take the tensors of the three PyTorch models."""
        self.proposal = Network(proposal, (2, 0, 0))
        self.refinement = Network(refinement, (3, 3, 0))
        self.output = Network(output, (3, 3, 2, 0))

    @classmethod
    def load(cls) -> Self:
        """Read the weights of the package facenet-pytorch; about 5 ms."""
        folder = Path(str(distribution("facenet-pytorch").locate_file("facenet_pytorch/data")))
        tensors = []
        for name in ("pnet.pt", "rnet.pt", "onet.pt"):
            with (folder / name).open("rb") as stream:
                tensors.append(checkpoint.read(stream))
        return cls(*tensors)

    def detect(self, image: Image.Image) -> list[Face]:
        """Return the faces in an RGB picture of any size, the surest first."""
        scale = min(1, _BOX / max(image.size))
        width, height = (max(1, round(side * scale)) for side in image.size)
        picture = image.resize((width, height), Image.Resampling.BOX)
        boxes = self._propose(picture)
        boxes, _ = _verify(picture, boxes, self.refinement, 24, _MINIMA[1])
        boxes, scores = _verify(picture, boxes, self.output, 48, _MINIMA[2])
        heights = (boxes[:, 3] - boxes[:, 1]) / height
        return [Face(*face) for face in zip(scores.tolist(), np.minimum(heights, 1).tolist(), strict=True)]

    def _propose(self, picture: Image.Image) -> Array:
        boxes, scores = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)]
        scale = _CELL / _SMALLEST_FACE
        while min(picture.size) * scale >= _CELL:
            width, height = (round(side * scale) for side in picture.size)
            copy = picture.resize((width, height), Image.Resampling.BOX)
            score, shift = (values[0] for values in self.proposal(_normalised([copy])))
            cells = np.argwhere(score >= _MINIMA[0])
            corners = cells[:, ::-1] * _STRIDE
            scales = np.array([width / picture.width, height / picture.height] * 2, np.float32)
            box = np.hstack([corners, corners + _CELL]).astype(np.float32) / scales
            found = tuple(cells.T)
            kept = _distinct(box, score[found], _OVERLAP)
            boxes.append(_corrected(box, shift[found])[kept])
            scores.append(score[found][kept])
            scale *= _NEXT_COPY
        every, score = np.concatenate(boxes), np.concatenate(scores)
        return every[_distinct(every, score, _OVERLAP_OF_COPIES)]


def _verify(picture: Image.Image, boxes: Array, network: Network, side: int, minimum: float) -> tuple[Array, Array]:
    """Look again at each box, as a square. Return the boxes with faces and their scores, the best first."""
    squares, crops = [], []
    for left, top, right, bottom in boxes:
        half = max(right - left, bottom - top) / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        square = (max(x - half, 0), max(y - half, 0), min(x + half, picture.width), min(y + half, picture.height))
        if min(square[2] - square[0], square[3] - square[1]) >= 1:
            squares.append(square)
            crops.append(picture.resize((side, side), Image.Resampling.BOX, square))
    if not crops:
        return np.empty((0, 4), np.float32), np.empty(0, np.float32)
    score, shift = (values[:, 0, 0] for values in network(_normalised(crops)))
    found = score >= minimum
    boxes, score = _corrected(np.array(squares, np.float32)[found], shift[found]), score[found]
    kept = _distinct(boxes, score, _OVERLAP)
    return boxes[kept], score[kept]


def _corrected(boxes: Array, shift: Array) -> Array:
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + shift * np.hstack([sides, sides])


def _distinct(boxes: Array, scores: Array, overlap: float) -> list[int]:
    """Return the numbers of the best boxes, the best first, without those that overlap a better one too much."""
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size and len(kept) < _MAX_CANDIDATES:
        best, order = order[0], order[1:]
        kept.append(int(best))
        starts, ends = np.maximum(boxes[order, :2], boxes[best, :2]), np.minimum(boxes[order, 2:], boxes[best, 2:])
        common = np.prod(np.clip(ends - starts, 0, None), axis=1)
        order = order[common <= overlap * (areas[order] + areas[best] - common)]
    return kept


def _max_pooled(x: Array, side: int) -> Array:
    """Return the maxima of squares that are two pixels apart; the last may end outside."""
    rows, columns = (max(0, -(-(length - side) // 2)) + 1 for length in x.shape[1:3])
    below, right = (
        (count - 1) * 2 + side - length for count, length in zip((rows, columns), x.shape[1:3], strict=True)
    )
    x = np.pad(x, [(0, 0), (0, max(0, below)), (0, max(0, right)), (0, 0)], constant_values=-np.inf)
    shifted = [x[:, i::2, j::2][:, :rows, :columns] for i, j in product(range(side), repeat=2)]
    maxima: Array = np.maximum.reduce(shifted)
    return maxima


def _normalised(pictures: list[Image.Image]) -> Array:
    return (np.stack([np.asarray(picture, np.float32) for picture in pictures]) - np.float32(127.5)) / np.float32(128)


def _matrix(weights: NDArray[Any]) -> Array:
    """Reshape (outputs, inputs) or (outputs, inputs, rows, columns) to (rows x columns x inputs, outputs)."""
    if weights.ndim == 2:
        return np.ascontiguousarray(weights.T)
    return np.ascontiguousarray(weights.transpose(2, 3, 1, 0).reshape(-1, len(weights)))
