"""The ledger of requests and the limits that it enforces, on a real database."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from catalog import ledger
from catalog.keys import new_id
from catalog.ledger import MAX_UNUSABLE_ANSWERS, Answer, LimitReachedError, Limits, Request
from catalog.uploads import Upload
from support.catalog_rows import row

MODEL = "gemini-3.5-flash-lite"
MOST = Decimal("0.00286")  # 1,000 tokens in at $0.30 a million, 1,024 out at $2.50
USED = Answer(outcome="used", model_version=MODEL, input_tokens=800, output_tokens=100, thinking_tokens=50)
UNUSABLE = Answer(outcome="unusable", finish_reason="MAX_TOKENS", input_tokens=800, output_tokens=1024)
UNLIMITED = Limits()
UNANSWERED = Answer(outcome="unanswered")


def a_request(upload: Upload, **changes: Any) -> Request:
    request = Request(
        id=new_id(),
        image_id=upload.id,
        etag=upload.etag,
        model=MODEL,
        prompt_version="2",
        most_input_tokens=1000,
        most_output_tokens=1024,
    )
    return replace(request, **changes)


def opened(connection: Any, upload: Upload, limits: Limits = UNLIMITED, **changes: Any) -> str | None:
    """Open a request and return its id; None if it is refused."""
    request = a_request(upload, **changes)
    return request.id if ledger.open_request(connection, request, limits) else None


def settled(connection: Any, upload: Upload, answer: Answer, **changes: Any) -> str:
    request = opened(connection, upload, **changes)
    assert request is not None
    assert ledger.settle(connection, request, answer)
    return request


def columns(connection: Any, request: str, *names: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(names)} FROM annotation_request WHERE id = %s", (request,))
        return cursor.fetchone() or ()


def spent(connection: Any) -> Decimal:
    return ledger.spending(connection).month_usd


def test_an_answer_is_recorded_with_its_tokens_and_its_price(connection: Any, upload: Upload) -> None:
    request = settled(connection, upload, replace(USED, response_id="r1", finish_reason="STOP"))
    assert columns(connection, request, "outcome", "model_version", "response_id", "finish_reason") == (
        "used",
        MODEL,
        "r1",
        "STOP",
    )
    assert columns(connection, request, "usd") == (Decimal("0.000615"),)


def test_an_open_request_counts_at_its_highest_cost(connection: Any, upload: Upload) -> None:
    opened(connection, upload)
    assert spent(connection) == MOST


def test_a_settled_request_counts_at_its_price(connection: Any, upload: Upload) -> None:
    settled(connection, upload, USED)
    assert spent(connection) == Decimal("0.000615")


def test_a_request_that_was_not_billed_leaves_no_trace(connection: Any, upload: Upload) -> None:
    request = opened(connection, upload)
    assert request is not None
    assert ledger.cancel(connection, request)
    assert not ledger.cancel(connection, request)
    assert spent(connection) == 0
    assert row(connection, upload.id).unusable_answers == 0


def test_a_request_without_an_answer_counts_at_its_highest_cost(connection: Any, upload: Upload) -> None:
    request = settled(connection, upload, UNANSWERED)
    assert columns(connection, request, "usd") == (None,)
    assert spent(connection) == MOST
    assert row(connection, upload.id).unusable_answers == 0


def test_the_price_of_an_unknown_model_is_unknown(connection: Any, upload: Upload) -> None:
    request = settled(connection, upload, replace(USED, model_version="gemini-99"))
    assert columns(connection, request, "usd") == (None,)
    assert spent(connection) == MOST


def test_opening_a_request_is_idempotent(connection: Any, upload: Upload) -> None:
    request = a_request(upload)
    for _ in range(2):
        assert ledger.open_request(connection, request, Limits())
    assert row(connection, upload.id).unusable_answers == 1
    assert spent(connection) == MOST


def test_an_answer_is_recorded_once(connection: Any, upload: Upload) -> None:
    request = settled(connection, upload, UNUSABLE)
    assert not ledger.settle(connection, request, USED)
    assert columns(connection, request, "outcome") == ("unusable",)


def test_an_object_gets_at_most_two_unusable_answers(connection: Any, upload: Upload) -> None:
    for _ in range(MAX_UNUSABLE_ANSWERS):
        settled(connection, upload, UNUSABLE)
    assert opened(connection, upload) is None
    assert ledger.last_finish_reason(connection, upload.id, upload.etag) == "MAX_TOKENS"


def test_requests_of_killed_processes_count_as_unusable_answers(connection: Any, upload: Upload) -> None:
    for _ in range(MAX_UNUSABLE_ANSWERS):
        assert opened(connection, upload)
    assert opened(connection, upload) is None


@pytest.mark.parametrize("answer", [USED, UNANSWERED, Answer(outcome="refused", input_tokens=800)])
def test_other_answers_do_not_count_as_unusable(connection: Any, upload: Upload, answer: Answer) -> None:
    for _ in range(MAX_UNUSABLE_ANSWERS + 1):
        settled(connection, upload, answer)


def test_a_request_for_a_replaced_object_is_refused(connection: Any, upload: Upload) -> None:
    assert opened(connection, upload, etag="older") is None


def test_the_monthly_budget_is_never_exceeded(connection: Any, upload: Upload) -> None:
    limits = Limits(monthly_budget_usd=MOST * 2)
    for _ in range(2):
        opened(connection, upload, limits)
    with pytest.raises(LimitReachedError) as raised:
        opened(connection, upload, limits)
    assert raised.value.cause == "budget"
    assert spent(connection) == limits.monthly_budget_usd


def test_a_month_has_a_budget_of_its_own(connection: Any, upload: Upload, later: Callable[[int], None]) -> None:
    limits = Limits(monthly_budget_usd=MOST)
    opened(connection, upload, limits)
    later(60 * 24 * 31)
    assert opened(connection, upload, limits)


def test_the_daily_requests_are_limited(connection: Any, upload: Upload, later: Callable[[int], None]) -> None:
    limits = Limits(daily_requests=2)
    for _ in range(2):
        settled(connection, upload, USED)
    with pytest.raises(LimitReachedError) as raised:
        opened(connection, upload, limits)
    assert raised.value.cause == "daily_limit"
    later(60 * 24)
    assert opened(connection, upload, limits)


def test_a_budget_cannot_hold_for_a_model_without_a_price(connection: Any, upload: Upload) -> None:
    with pytest.raises(LimitReachedError) as raised:
        opened(connection, upload, Limits(monthly_budget_usd=Decimal(10)), model="gemini-99")
    assert raised.value.cause == "model"
    assert opened(connection, upload, model="gemini-99")


def test_long_values_of_the_service_are_shortened(connection: Any, upload: Upload) -> None:
    answer = replace(USED, model_version="m" * 200, response_id="r" * 200, finish_reason="F" * 200)
    request = settled(connection, upload, answer)
    assert columns(connection, request, "LENGTH(model_version)", "LENGTH(finish_reason)") == (100, 40)
