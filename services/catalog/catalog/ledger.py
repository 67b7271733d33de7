"""The ledger: one row for each request to a model that may have been billed, and the limits that it enforces.

A request is opened before it is sent, with the most that it can cost. It is then settled with the answer, or cancelled
if the service refused it without billing. A request whose process was killed stays open and counts as an unusable
answer at its highest cost. So the limits hold whatever fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from pymysql.connections import Connection

from catalog.prices import price
from catalog.statements import first_row, only_row, update

MAX_UNUSABLE_ANSWERS = 2
"""How many paid answers may be unusable for one object; then its annotation fails."""

Outcome = Literal["open", "used", "unusable", "refused", "unanswered"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows. A limit of zero does not exist. Months and days are those of UTC."""

    monthly_budget_usd: Decimal = Decimal(0)
    daily_requests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answered, as far as it is known.

    `outcome` is `used` for a caption, `refused` if the model declined the photo, `unusable` for any other answer, and
    `unanswered` if there was none.
    """

    outcome: Literal["used", "unusable", "refused", "unanswered"]
    model_version: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None


class LimitReachedError(Exception):
    """The budget or the daily limit does not allow another request."""

    def __init__(self, cause: Literal["budget", "daily_limit", "model"], detail: str) -> None:
        """Keep the cause, and a detail for the operator."""
        super().__init__(detail)
        self.cause: Literal["budget", "daily_limit", "model"] = cause
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent this month, in US dollars, unsettled requests at their highest cost; and today's requests."""

    month_usd: Decimal
    day_requests: int


def spending(connection: Connection[Any]) -> Spending:
    """Return what was spent in this month and day of UTC, by the server's clock."""
    month_usd, day_requests = only_row(
        connection,
        """SELECT COALESCE(SUM(COALESCE(usd, reserved_usd)), 0), COALESCE(SUM(requested_at >= UTC_DATE()), 0)
           FROM annotation_request WHERE requested_at >= DATE_FORMAT(UTC_DATE(), '%%Y-%%m-01')""",
    )
    return Spending(month_usd, int(day_requests))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that is about to be sent, with a new id, and the most tokens that it can cost."""

    id: str
    image_id: str
    etag: str
    model: str
    prompt_version: str
    most_input_tokens: int
    most_output_tokens: int


def open_request(connection: Connection[Any], request: Request, limits: Limits) -> bool:
    """Open a request; False if MAX_UNUSABLE_ANSWERS of this object were unusable. Idempotent.

    Run it in a transaction that began with `catalog.pause.lock`, so that concurrent deliveries cannot exceed the limits
    together.

    Raises:
        LimitReachedError: the budget or the daily limit does not allow it.
    """
    with connection.cursor() as cursor:
        if cursor.execute("SELECT 1 FROM annotation_request WHERE id = %s", (request.id,)):
            return True
        reserved = _cost(request.model, request.most_input_tokens, request.most_output_tokens)
        _check(limits, spending(connection), reserved, request.model)
        if not update(
            connection,
            """UPDATE image SET unusable_answers = unusable_answers + 1
               WHERE id = %(id)s AND etag = %(etag)s AND unusable_answers < %(most)s""",
            id=request.image_id,
            etag=request.etag,
            most=MAX_UNUSABLE_ANSWERS,
        ):
            return False
        cursor.execute(
            """INSERT INTO annotation_request
                 (id, image_id, etag, requested_at, model, prompt_version, outcome, reserved_usd)
               VALUES (%s, %s, %s, NOW(3), %s, %s, 'open', %s)""",
            (request.id, request.image_id, request.etag, request.model, request.prompt_version, reserved),
        )
    return True


def _check(limits: Limits, spent: Spending, reserved: Decimal | None, model: str) -> None:
    if limits.daily_requests and spent.day_requests >= limits.daily_requests:
        raise LimitReachedError("daily_limit", f"{limits.daily_requests} requests a day")
    if not limits.monthly_budget_usd:
        return
    if reserved is None:
        raise LimitReachedError("model", f"the price of {model} is unknown, so the monthly budget cannot hold")
    if spent.month_usd + reserved > limits.monthly_budget_usd:
        raise LimitReachedError("budget", f"${limits.monthly_budget_usd} a month")


def settle(connection: Connection[Any], request_id: str, answer: Answer) -> bool:
    """Record the answer to an open request; False if it was settled before. Run it in a transaction.

    The cost is unknown if the tokens or the price of the model that answered are unknown.
    """
    row = _open_request(connection, request_id)
    if row is None:
        return False
    image_id, etag, model, requested_at = row
    usd = None
    if answer.input_tokens is not None:
        output = (answer.output_tokens or 0) + (answer.thinking_tokens or 0)
        usd = _cost(answer.model_version or model, answer.input_tokens, output, requested_at.date())
    update(
        connection,
        """UPDATE annotation_request SET outcome = %(outcome)s, model_version = %(model_version)s,
             response_id = %(response_id)s, finish_reason = %(finish_reason)s, input_tokens = %(input_tokens)s,
             output_tokens = %(output_tokens)s, thinking_tokens = %(thinking_tokens)s, usd = %(usd)s
           WHERE id = %(id)s""",
        id=request_id,
        usd=usd,
        outcome=answer.outcome,
        model_version=answer.model_version and answer.model_version[:100],
        response_id=answer.response_id and answer.response_id[:100],
        finish_reason=answer.finish_reason and answer.finish_reason[:40],
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        thinking_tokens=answer.thinking_tokens,
    )
    if answer.outcome != "unusable":
        _uncount(connection, image_id, etag)
    return True


def cancel(connection: Connection[Any], request_id: str) -> bool:
    """Remove an open request that the service did not bill; False if it was settled before. Run it in a transaction."""
    row = _open_request(connection, request_id)
    if row is None:
        return False
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotation_request WHERE id = %s", (request_id,))
    image_id, etag, *_ = row
    _uncount(connection, image_id, etag)
    return True


def _open_request(connection: Connection[Any], request_id: str) -> tuple[Any, ...] | None:
    return first_row(
        connection,
        "SELECT image_id, etag, model, requested_at FROM annotation_request WHERE id = %s AND outcome = 'open'",
        request_id,
    )


def _uncount(connection: Connection[Any], image_id: str, etag: str) -> None:
    update(
        connection,
        """UPDATE image SET unusable_answers = unusable_answers - 1
           WHERE id = %(id)s AND etag = %(etag)s AND unusable_answers > 0""",
        id=image_id,
        etag=etag,
    )


def last_finish_reason(connection: Connection[Any], image_id: str, etag: str) -> str | None:
    """Return the finish reason of the last unusable answer for an object, for the failure reason of its photo."""
    row = first_row(
        connection,
        """SELECT finish_reason FROM annotation_request
           WHERE image_id = %s AND etag = %s AND outcome = 'unusable' ORDER BY id DESC LIMIT 1""",
        image_id,
        etag,
    )
    return row[0] if row else None


def _cost(model: str, input_tokens: int, output_tokens: int, day: date | None = None) -> Decimal | None:
    known = price(model, day or datetime.now(UTC).date())
    return known.cost(input_tokens, output_tokens) if known else None
