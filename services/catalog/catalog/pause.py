"""The pause of annotation: why no photo gets a caption at the moment, and when the next attempt is due.

Problems that only the operator can solve (key, credits, quota, model, budget) pause annotation instead of failing
photos. One delivery at a time, the probe, tries again when `next_attempt` has come. If it succeeds, the pause ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pymysql.connections import Connection
from pymysql.cursors import Cursor

from catalog.statements import first_row, only_row, update

Cause = Literal[
    "key", "secret", "service", "location", "credits", "quota", "spend_cap", "model", "budget", "daily_limit"
]

FIRST_PAUSE_SECONDS = 60
MOST_PAUSE_SECONDS = 1800
"""The longest time between attempts, so that a solved problem is noticed within half an hour."""
MAX_DETAIL_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Pause:
    """Why annotation is paused; the times are timezone-aware, in UTC. `detail` is for the operator."""

    cause: Cause
    detail: str
    since: datetime
    next_attempt: datetime


def current(connection: Connection[Any]) -> Pause | None:
    """Return the pause; None if annotation is not paused."""
    with connection.cursor() as cursor:
        return read(cursor)


def read(cursor: Cursor) -> Pause | None:
    """Return the pause, as `current` does, with a cursor that has been used: the pool checks each new one."""
    cursor.execute("SELECT cause, detail, since, next_attempt FROM annotation_pause WHERE cause IS NOT NULL")
    row = cursor.fetchone()
    if row is None:
        return None
    cause, detail, since, next_attempt = row
    return Pause(cause, detail, since.replace(tzinfo=UTC), next_attempt.replace(tzinfo=UTC))


def lock(connection: Connection[Any]) -> None:
    """Make other deliveries wait until the transaction ends. Call it first: later reads then see what they wrote."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM annotation_pause FOR UPDATE")


def is_probe_due(connection: Connection[Any]) -> bool:
    """Tell whether annotation is paused, its next attempt is due, and no delivery is making it."""
    return first_row(connection, f"SELECT 1 FROM annotation_pause WHERE {_DUE}") is not None


_DUE = "cause IS NOT NULL AND next_attempt <= NOW(3) AND (probe_until IS NULL OR probe_until < NOW(3))"


def admit(connection: Connection[Any], lease: datetime) -> bool:
    """Tell whether a delivery may annotate now: annotation is not paused, or the delivery becomes the probe.

    `lease` is the end of the delivery's lease, which identifies it.
    """
    return current(connection) is None or update(
        connection, f"UPDATE annotation_pause SET probe_until = %(lease)s WHERE {_DUE}", lease=lease
    )


def start(connection: Connection[Any], cause: Cause, detail: str, least_seconds: float = 0) -> bool:
    """Pause annotation, or postpone the next attempt; True if annotation was not paused for this cause before.

    The time to the next attempt doubles with each failed attempt, up to MOST_PAUSE_SECONDS.

    Args:
        connection: a connection to the catalog.
        cause: what the operator has to solve.
        detail: status, reason and quota in the words of the service, for the operator.
        least_seconds: the delay that the service asks for; it counts up to MOST_PAUSE_SECONDS.
    """
    before, attempts = only_row(connection, "SELECT cause, attempts FROM annotation_pause FOR UPDATE")
    is_new: bool = before != cause
    attempts = 1 if is_new else attempts + 1
    seconds = min(MOST_PAUSE_SECONDS, max(least_seconds, FIRST_PAUSE_SECONDS * 2 ** min(attempts - 1, 10)))
    update(
        connection,
        """UPDATE annotation_pause SET since = IF(%(is_new)s, NOW(3), since), cause = %(cause)s,
             detail = %(detail)s, attempts = %(attempts)s, probe_until = NULL,
             next_attempt = NOW(3) + INTERVAL %(seconds)s SECOND""",
        is_new=is_new,
        cause=cause,
        detail=detail[:MAX_DETAIL_CHARACTERS],
        attempts=attempts,
        seconds=round(seconds),
    )
    return is_new


def try_now(connection: Connection[Any]) -> bool:
    """Make the next attempt due; False if annotation is not paused."""
    return current(connection) is not None and update(connection, "UPDATE annotation_pause SET next_attempt = NOW(3)")


def end(connection: Connection[Any]) -> bool:
    """End the pause; False if annotation was not paused."""
    return current(connection) is not None and update(
        connection,
        """UPDATE annotation_pause SET cause = NULL, detail = NULL, since = NULL, next_attempt = NULL, attempts = 0,
             probe_until = NULL""",
    )


def withdraw(connection: Connection[Any], lease: datetime) -> bool:
    """End the probe of a delivery that learned nothing about the cause; another one may try at once."""
    return current(connection) is not None and update(
        connection, "UPDATE annotation_pause SET probe_until = NULL WHERE probe_until = %(lease)s", lease=lease
    )
