"""Recognises trees, for which ImageNet has no class, by a logistic regression on the classifier's features.

Decision 0053 says which photos the weights come from and how reliable they are.
"""

import json
from dataclasses import dataclass
from importlib import resources
from typing import Self

import numpy as np
from numpy.typing import NDArray

from annotate.offline.subject import Subject


@dataclass(frozen=True)
class Trees:
    """The regression: a weight for the square root of each feature, and a bias."""

    weights: NDArray[np.float32]
    bias: float

    @classmethod
    def load(cls) -> Self:
        """Read the weights from this package; they are whole numbers of a unit, which makes the file small."""
        file = resources.files("annotate.offline") / "trees.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        return cls(np.array(content["weights"], np.float32) * np.float32(content["unit"]), content["bias"])

    def recognise(self, features: NDArray[np.float32]) -> Subject | None:
        """Return the trees in a picture with these features of EfficientNet-Lite0; None if they are not sure."""
        score = float(np.sqrt(features) @ self.weights) + self.bias
        trees = Subject("trees or a forest", float(1 / (1 + np.exp(-score))))
        return trees if trees.is_sure else None
