"""Pauses between retries."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.backoff import full_jitter

seconds = st.floats(0.001, 1000)
failures = st.integers(1, 10_000)
chances = st.floats(0, 1)


@given(failures, seconds, seconds, chances)
def test_a_pause_is_within_its_limits(number: int, first: float, most: float, chance: float) -> None:
    assert 0 <= full_jitter(number, first, most, lambda: chance) <= most


@given(failures, seconds, seconds)
def test_the_limit_doubles_up_to_the_maximum(number: int, first: float, most: float) -> None:
    limit = full_jitter(number, first, most, lambda: 1)
    assert full_jitter(number + 1, first, most, lambda: 1) == min(2 * limit, most)


@given(seconds)
def test_the_first_limit_is_the_given_one(first: float) -> None:
    assert full_jitter(1, first, 1000, lambda: 1) == first


@given(failures, seconds, seconds, chances)
def test_pauses_are_uniformly_distributed(number: int, first: float, most: float, chance: float) -> None:
    limit = full_jitter(number, first, most, lambda: 1)
    assert full_jitter(number, first, most, lambda: chance) == chance * limit
