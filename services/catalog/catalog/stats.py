"""The SQL of the statistics: how many photos are in which state, and what annotations cost.

Deleted photos do not count as photos, but their requests count: they were paid for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, get_args

from pymysql.connections import Connection

from catalog import queue
from catalog.images import Status
from catalog.ledger import Outcome
from catalog.statements import only_row

DAYS = 30
"""How many days `Statistics.days` covers, today included."""
MAX_REASONS = 50
"""How many failure reasons `failure_reasons` returns at most."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What requests to models used. Tokens and costs are sums of what is known."""

    requests: int = 0
    captions: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    known_usd: Decimal = Decimal(0)
    unknown_costs: int = 0
    """The number of requests whose cost is unknown, those without an answer yet included."""
    captions_of_known_cost: int = 0

    @property
    def usd(self) -> Decimal | None:
        """The known cost in US dollars; None if the cost of every request is unknown."""
        return None if self.requests and self.unknown_costs == self.requests else self.known_usd

    @property
    def usd_per_caption(self) -> Decimal | None:
        """The average cost of a caption, unusable answers included; None if no caption has a known cost."""
        return self.known_usd / self.captions_of_known_cost if self.captions_of_known_cost else None

    def __add__(self, other: Usage) -> Usage:
        """Return the sum of two usages."""
        return Usage(*(getattr(self, name) + getattr(other, name) for name in Usage.__slots__))


@dataclass(frozen=True, slots=True)
class Requests:
    """How many requests had an outcome and a finish reason."""

    outcome: Outcome
    finish_reason: str | None
    requests: int


@dataclass(frozen=True, slots=True)
class Source:
    """How many photos have an annotation by a model and a version of its prompt."""

    model: str
    prompt_version: str | None
    images: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of one moment. Days and months are those of UTC; only those with requests are present, newest first.

    `thumbnails` and `annotations` have the number of photos by the state of that part.
    """

    counted_at: datetime
    images: int
    thumbnails: dict[Status, int]
    annotations: dict[Status, int]
    sources: tuple[Source, ...]
    total: Usage
    days: dict[date, Usage]
    months: dict[date, Usage]
    """By the first day of the month."""
    models: dict[str, Usage]
    outcomes: tuple[Requests, ...]
    queued: int


@dataclass(frozen=True, slots=True)
class FailureReason:
    """How many photos failed for a reason."""

    reason: str
    images: int


def read(connection: Connection[Any]) -> Statistics:
    """Return the statistics. In a transaction, all of them describe the same moment."""
    (now,) = only_row(connection, "SELECT NOW()")
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT thumbnail_status, annotation_status, model, prompt_version, COUNT(*) FROM image
               WHERE deleted_at IS NULL
               GROUP BY thumbnail_status, annotation_status, model, prompt_version"""
        )
        images = cursor.fetchall()
        cursor.execute(
            """SELECT DATE(requested_at), COALESCE(model_version, model), outcome, finish_reason,
                 COUNT(*), SUM(outcome = 'used'), COALESCE(SUM(input_tokens), 0), COALESCE(SUM(output_tokens), 0),
                 COALESCE(SUM(thinking_tokens), 0), COALESCE(SUM(usd), 0), SUM(usd IS NULL),
                 SUM(outcome = 'used' AND usd IS NOT NULL)
               FROM annotation_request GROUP BY 1, 2, 3, 4"""
        )
        requests = [((day, model, outcome, reason), _usage(row)) for day, model, outcome, reason, *row in cursor]
    first_day = now.date() - timedelta(days=DAYS - 1)
    sources = _count(((model, prompt), count) for *_, model, prompt, count in images if model)
    outcomes = _count(((outcome, reason), usage.requests) for (_, _, outcome, reason), usage in requests)
    return Statistics(
        counted_at=now.replace(tzinfo=UTC),
        images=sum(count for *_, count in images),
        thumbnails=_states((thumbnail, count) for thumbnail, *_, count in images),
        annotations=_states((annotation, count) for _, annotation, *_, count in images),
        sources=tuple(Source(model, prompt, count) for (model, prompt), count in _largest_first(sources)),
        total=reduce(Usage.__add__, (usage for _, usage in requests), Usage()),
        days=_newest_first((day, usage) for (day, *_), usage in requests if day >= first_day),
        months=_newest_first((day.replace(day=1), usage) for (day, *_), usage in requests),
        models=_add((model, usage) for (_, model, *_), usage in requests),
        outcomes=tuple(Requests(outcome, reason, count) for (outcome, reason), count in _largest_first(outcomes)),
        queued=queue.size(connection),
    )


def failure_reasons(connection: Connection[Any]) -> list[FailureReason]:
    """Return the reasons of photos whose thumbnail or annotation failed, the most frequent first."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT reason, COUNT(*) FROM
                  (SELECT id, thumbnail_reason AS reason FROM image
                   WHERE thumbnail_status = 'failed' AND deleted_at IS NULL AND thumbnail_reason IS NOT NULL
                   UNION
                   SELECT id, annotation_reason FROM image
                   WHERE annotation_status = 'failed' AND deleted_at IS NULL AND annotation_reason IS NOT NULL)
                  AS failure
                GROUP BY reason ORDER BY COUNT(*) DESC, reason LIMIT {MAX_REASONS}"""
        )
        return [FailureReason(*row) for row in cursor.fetchall()]


def _usage(row: Iterable[Any]) -> Usage:
    values: dict[str, Any] = {
        name: value if name == "known_usd" else int(value) for name, value in zip(Usage.__slots__, row, strict=True)
    }
    return Usage(**values)


def _states(counts: Iterable[tuple[Status, int]]) -> dict[Status, int]:
    return dict.fromkeys(get_args(Status), 0) | _count(counts)


def _count(counts: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    total: dict[Any, int] = {}
    for key, count in counts:
        total[key] = total.get(key, 0) + count
    return total


def _add(usages: Iterable[tuple[Any, Usage]]) -> dict[Any, Usage]:
    total: dict[Any, Usage] = {}
    for key, usage in usages:
        total[key] = total.get(key, Usage()) + usage
    return total


def _newest_first(usages: Iterable[tuple[date, Usage]]) -> dict[date, Usage]:
    return dict(sorted(_add(usages).items(), reverse=True))


def _largest_first(counts: dict[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], [part or "" for part in item[0]]))
