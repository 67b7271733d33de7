"""What the Gemini API charges for a request: the paid tier, standard requests.

Source: https://ai.google.dev/gemini-api/docs/pricing as of 2026-10-07, for 3.6 Flash
https://ai.google.dev/gemini-api/docs/latest-model, for 3.7 Flash https://docs.litellm.ai/blog/gemini_3_7_flash. Where
sources differ on a discount or its end, the higher price counts, so that a budget is not exceeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, valid from a date. Images are input; thinking is output."""

    since: date
    input_usd: Decimal
    output_usd: Decimal

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        """Return the price of a request in US dollars."""
        return (self.input_usd * input_tokens + self.output_usd * output_tokens) / _MILLION


_DISCOUNTED = (
    Price(date(2026, 1, 1), Decimal("0.75"), Decimal("3.75")),
    Price(date(2027, 1, 1), Decimal("1.50"), Decimal("7.50")),
)

PRICES: dict[str, tuple[Price, ...]] = {
    "gemini-3.5-flash-lite": (Price(date(2026, 1, 1), Decimal("0.30"), Decimal("2.50")),),
    "gemini-3.5-flash": (Price(date(2026, 1, 1), Decimal("1.50"), Decimal("9.00")),),
    "gemini-3.6-flash": (Price(date(2026, 1, 1), Decimal("1.50"), Decimal("7.50")),),
    "gemini-3.7-flash": _DISCOUNTED,
    "gemini-3.8-flash": _DISCOUNTED,
}
"""The prices of each model, oldest first."""


def price(model: str, day: date) -> Price | None:
    """Return the price of a model on a day; None if it is unknown.

    A dated version, such as `gemini-3.5-flash-lite-001`, has the price of its model.
    """
    names = [name for name in PRICES if model == name or model.removeprefix(f"{name}-").isdigit()]
    known = [price for name in names for price in PRICES[name] if price.since <= day]
    return known[-1] if known else None
