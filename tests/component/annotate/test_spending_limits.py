"""The budget of a month and the requests of a day bound what the function spends."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from catalog.database import Database
from support.annotating import USD, deliver, let_a_minute_pass, paused, spent, uploaded
from support.catalog_rows import row
from support.gemini_server import GeminiServer

pytestmark = pytest.mark.usefixtures("function")


def test_a_budget_that_is_used_up_pauses_annotation_until_it_is_raised(
    gemini: GeminiServer, database: Database, reconfigure: Callable[..., None]
) -> None:
    reconfigure(MONTHLY_BUDGET_USD="0.006")
    ids = [uploaded() for _ in range(30)]
    for photo in ids:
        deliver(photo)
    asked = len(gemini.requests)
    found = paused(database)
    assert found
    assert (found.cause, found.detail) == ("budget", "$0.006 a month")
    assert 0 < asked < 30
    assert spent(database) == asked * USD <= Decimal("0.006")
    assert {row(database, photo).annotation_status for photo in ids} == {"ready", "pending"}

    reconfigure(MONTHLY_BUDGET_USD="1")
    let_a_minute_pass(database)
    for photo in reversed(ids):
        deliver(photo)
    assert {row(database, photo).annotation_status for photo in ids} == {"ready"}


def test_the_log_tells_how_much_of_the_budget_is_used(
    gemini: GeminiServer, database: Database, reconfigure: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    reconfigure(MONTHLY_BUDGET_USD=str(USD * 4 + Decimal("0.01")))
    deliver(uploaded())
    percents = [
        vars(record)["budget_used_percent"] for record in caplog.records if "budget_used_percent" in vars(record)
    ]
    assert percents == [int(100 * USD / (USD * 4 + Decimal("0.01")))]


def test_the_daily_requests_are_limited(
    gemini: GeminiServer, database: Database, reconfigure: Callable[..., None]
) -> None:
    reconfigure(DAILY_REQUEST_LIMIT="2")
    for _ in range(4):
        deliver(uploaded())
    found = paused(database)
    assert (len(gemini.requests), found and found.cause) == (2, "daily_limit")
