"""Prices of models."""

from datetime import date
from decimal import Decimal

import pytest

from catalog.prices import PRICES, price

TODAY = date(2026, 11, 28)


def test_a_request_costs_its_input_and_its_output() -> None:
    found = price("gemini-3.5-flash-lite", TODAY)
    assert found is not None
    assert found.cost(800, 150) == Decimal("0.000615")


@pytest.mark.parametrize("model", ["gemini-3.5-flash-lite-001", "gemini-3.5-flash-lite"])
def test_a_version_has_the_price_of_its_model(model: str) -> None:
    assert price(model, TODAY) == PRICES["gemini-3.5-flash-lite"][-1]


@pytest.mark.parametrize("model", ["gemini-99", "gemini-3.5-flash-lite-preview", "gemini-3.5-flash", ""])
def test_another_model_has_no_price(model: str) -> None:
    assert model in PRICES or price(model, TODAY) is None


def test_a_price_is_valid_from_its_date() -> None:
    assert price("gemini-3.5-flash-lite", date(2025, 12, 31)) is None


@pytest.mark.parametrize("model", PRICES)
def test_the_prices_of_a_model_are_in_order(model: str) -> None:
    assert list(PRICES[model]) == sorted(PRICES[model], key=lambda price: price.since)
