"""The face detector that runs on numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from annotate.offline.faces import FaceDetector
from support import photos

PERSON = photos.people(1)
HEAD = (60, 55, 180, 215)
EVERYTHING = (0, 0, *PERSON.size)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector.load()


def pixels(picture: Image.Image, size: tuple[int, int], box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    small = np.asarray(picture.resize(size, Image.Resampling.BOX, box), np.float32)
    return (small[np.newaxis] - np.float32(127.5)) / np.float32(128)


# The expected numbers are those of onnxruntime with the same weights, from a model converted by others.


def test_the_first_network_matches_another_runtime(detector: FaceDetector) -> None:
    scores, shifts = detector.proposal(pixels(PERSON, (40, 50), EVERYTHING))
    assert scores.shape == (1, 20, 15)
    assert scores.argmax() == 8 * 15 + 8
    assert scores[0, 8, 8] == pytest.approx(0.994649, abs=1e-4)
    assert shifts[0, 8, 8] == pytest.approx([-0.108486, -0.013327, -0.075858, 0.273001], abs=1e-4)
    assert scores[0, 0, 0] == pytest.approx(0.000228, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "side", "face_score", "face_shift", "clock_score"),
    [
        ("refinement", 24, 0.991148, [0.104336, 0.077048, -0.140550, 0.026887], 0.008764),
        ("output", 48, 0.997540, [0.131223, 0.140361, -0.150445, 0.037870], 0.026874),
    ],
)
def test_the_other_networks_match_another_runtime(
    detector: FaceDetector, name: str, side: int, face_score: float, face_shift: list[float], clock_score: float
) -> None:
    face, clock = pixels(PERSON, (side, side), HEAD), pixels(photos.clock(), (side, side), (0, 0, 400, 400))
    scores, shifts = getattr(detector, name)(np.concatenate([face, clock]))
    assert scores.ravel() == pytest.approx([face_score, clock_score], abs=1e-4)
    assert shifts.reshape(2, 4)[0] == pytest.approx(face_shift, abs=1e-4)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_face_is_found_once(detector: FaceDetector, count: int) -> None:
    faces = detector.detect(photos.people(count, 160))
    assert len(faces) == count
    assert all(face.score > 0.95 for face in faces)
    assert all(0.3 < face.height < 0.5 for face in faces)


def test_the_surest_face_is_first(detector: FaceDetector) -> None:
    scores = [face.score for face in detector.detect(photos.people(3, 160))]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("side", [60, 240, 1600])
def test_a_face_is_found_in_a_photo_of_any_size(detector: FaceDetector, side: int) -> None:
    (face,) = detector.detect(photos.people(1, side))
    assert face.height == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("picture", [photos.fence(), photos.clock(), photos.scene()], ids=["fence", "clock", "scene"])
def test_things_have_no_face(detector: FaceDetector, picture: Image.Image) -> None:
    assert detector.detect(picture) == []


@pytest.mark.parametrize("colour", ["black", "white", "red"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (11, 700), (600, 400)])
def test_a_plain_picture_has_no_face(detector: FaceDetector, size: tuple[int, int], colour: str) -> None:
    assert detector.detect(Image.new("RGB", size, colour)) == []


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 200), height=st.integers(1, 200))
def test_faces_are_within_the_picture(detector: FaceDetector, seed: int, width: int, height: int) -> None:
    picture = photos.people(1, 100).resize((width, height))
    picture = Image.blend(picture, photos.scene(width, height, seed), 0.3)
    assert all(0 < face.height <= 1 and 0.9 <= face.score <= 1 for face in detector.detect(picture))


def test_incomplete_weights_are_rejected() -> None:
    with pytest.raises(KeyError):
        FaceDetector({}, {}, {})
