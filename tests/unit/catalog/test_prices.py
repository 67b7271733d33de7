"""What a request to a model costs."""

from datetime import date
from decimal import Decimal

import pytest

from catalog.prices import PRICES, price

DAY = date(2026, 11, 28)


def test_a_request_costs_its_tokens() -> None:
    known = price("gemini-3.5-flash-lite", DAY)
    assert known
    assert known.cost(800, 150) == Decimal("0.000615")


@pytest.mark.parametrize("model", ["gemini-3.7-flash", "gemini-3.8-flash"])
def test_a_discount_ends_with_the_year(model: str) -> None:
    last, first = price(model, date(2026, 12, 31)), price(model, date(2027, 1, 1))
    assert last
    assert first
    assert first.cost(1, 1) == 2 * last.cost(1, 1)


def test_a_numbered_version_has_the_price_of_its_model() -> None:
    for model in PRICES:
        assert price(f"{model}-001", DAY) == price(model, DAY)


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3.5-flash-image", "gemini-3.5-flash-", ""])
def test_the_price_of_another_model_is_unknown(model: str) -> None:
    assert price(model, DAY) is None


def test_a_price_before_its_first_day_is_unknown() -> None:
    assert price("gemini-3.8-flash", date(2025, 12, 31)) is None


def test_prices_are_in_the_order_of_their_days() -> None:
    for prices in PRICES.values():
        days = [known.since for known in prices]
        assert days == sorted(set(days))
