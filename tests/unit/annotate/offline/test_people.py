"""Words for people, from faces."""

import pytest

from annotate.offline.faces import Face
from annotate.offline.people import people


@pytest.mark.parametrize(
    ("faces", "phrase"),
    [
        ([Face(0.99, 0.4)], "a portrait"),
        ([Face(0.99, 0.1)], "a person"),
        ([Face(0.99, 0.4), Face(0.98, 0.4)], "two people"),
        ([Face(0.99, 0.2)] * 3, "a small group of people"),
        ([Face(0.99, 0.2)] * 5, "a small group of people"),
        ([Face(0.99, 0.2)] * 6, "a large group of people"),
        ([Face(0.99, 0.1)] * 40, "a large group of people"),
    ],
)
def test_faces_become_people(faces: list[Face], phrase: str) -> None:
    assert str(people(faces)) == phrase


def test_without_a_face_there_is_nobody() -> None:
    assert people([]) is None


def test_a_doubtful_face_is_hedged() -> None:
    assert str(people([Face(0.96, 0.4)])) == "possibly a portrait"


def test_an_unlikely_face_is_nobody() -> None:
    assert people([Face(0.94, 0.4)]) is None


def test_an_unlikely_face_is_not_counted() -> None:
    assert str(people([Face(0.99, 0.4), Face(0.94, 0.4)])) == "a portrait"


def test_a_much_smaller_face_is_not_counted() -> None:
    assert str(people([Face(0.99, 0.5), Face(0.99, 0.1)])) == "a portrait"


@pytest.mark.parametrize(("score", "expected"), [(0.98, "None"), (0.995, "a portrait")])
def test_beside_animals_a_face_must_be_surer(score: float, expected: str) -> None:
    assert str(people([Face(score, 0.4)], beside_animals=True)) == expected
