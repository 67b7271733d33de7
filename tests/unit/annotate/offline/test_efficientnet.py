"""The classifier that runs on numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from annotate.offline.efficientnet import SIDE, EfficientNetLite0
from support import photos


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    return EfficientNetLite0.load()


def pixels(picture: Image.Image) -> np.typing.NDArray[np.uint8]:
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


# Results of onnxruntime with the same weights; on 28 other pictures the two differed by at most 4e-6.
FENCE = {716: 0.836852, 912: 0.035178, 753: 0.019243, 470: 0.017927}
CLOCK = {409: 0.612829, 892: 0.360115, 835: 0.004129, 635: 0.001224}


@pytest.mark.parametrize(
    ("picture", "expected"), [(photos.fence(), FENCE), (photos.clock(), CLOCK)], ids=["fence", "clock"]
)
def test_probabilities_match_those_of_another_runtime(
    network: EfficientNetLite0, picture: Image.Image, expected: dict[int, float]
) -> None:
    probabilities = network.classify(network.features(pixels(picture)))
    assert {number: float(probabilities[number]) for number in expected} == pytest.approx(expected, abs=1e-3)
    assert np.argsort(probabilities)[::-1][:4].tolist() == list(expected)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), contrast=st.integers(0, 255))
def test_probabilities_are_positive_and_add_up_to_one(network: EfficientNetLite0, seed: int, contrast: int) -> None:
    noise = np.random.default_rng(seed).integers(0, contrast + 1, (SIDE, SIDE, 3), np.uint8)
    probabilities = network.classify(network.features(noise))
    assert probabilities.shape == (1000,)
    assert (probabilities >= 0).all()
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_the_result_is_repeatable_and_the_input_unchanged(network: EfficientNetLite0) -> None:
    picture = pixels(photos.clock())
    untouched = picture.copy()
    first = network.features(picture)
    assert (network.features(picture) == first).all()
    assert (picture == untouched).all()


def test_incomplete_weights_are_rejected() -> None:
    with pytest.raises(KeyError):
        EfficientNetLite0({})
