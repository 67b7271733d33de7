"""Trees in the features of the classifier."""

import numpy as np
import pytest
from PIL import Image

from annotate.offline.efficientnet import SIDE, EfficientNetLite0
from annotate.offline.trees import Trees
from support import photos

TREES = Trees.load()


def features(picture: Image.Image) -> np.typing.NDArray[np.float32]:
    return EfficientNetLite0.load().features(np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))


def test_a_forest_has_trees() -> None:
    found = TREES.recognise(features(photos.forest()))
    assert found
    assert str(found) == "trees or a forest"


@pytest.mark.parametrize(
    "picture",
    [photos.fence(), photos.clock(), photos.people(2), photos.scene(), Image.new("RGB", (9, 9), "green")],
    ids=["fence", "clock", "people", "scene", "green"],
)
def test_other_pictures_have_none(picture: Image.Image) -> None:
    assert TREES.recognise(features(photos.textured(picture))) is None


@pytest.mark.parametrize(("bias", "is_named"), [(1.38, False), (1.39, True)])
def test_only_sure_trees_are_named(bias: float, is_named: bool) -> None:
    found = Trees(np.zeros(1280, np.float32), bias).recognise(np.zeros(1280, np.float32))
    assert bool(found) == is_named
    assert not found or found.is_sure
