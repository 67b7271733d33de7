"""The queue of photos that wait for an annotation: during a pause, or because somebody asked for another one.

A photo is in the queue while `annotate_at` has a value: the moment when the queue announces it to the functions. Each
minute, `catalog_functions.announcer` announces some of the photos that are due: the queue drains at a bounded rate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from pymysql.connections import Connection

from catalog.images import CURRENT, WAITS, Reannotation
from catalog.selection import OFFLINE_MODEL, Selection
from catalog.statements import only_row, update

BATCH = 1000
"""How many rows a statement changes at most, so that it blocks other statements only briefly."""
REPEAT_MINUTES = 60
"""When another annotation that was announced and did not come is announced again."""
MAX_ANNOUNCEMENTS = 5
"""How often another annotation is announced before it is dropped. The photo keeps its texts."""

TYPICAL_USD = Decimal("0.000615")
"""The price of a caption by gemini-3.5-flash-lite with 800 tokens in and 150 out, where the ledger knows no other."""

_DROPPED = f"reannotation IS NOT NULL AND resent >= {MAX_ANNOUNCEMENTS}"
_REASON = "Another caption could not be generated, even after several attempts. The present one was kept."


@dataclass(frozen=True, slots=True)
class Queued:
    """A photo in the queue."""

    id: str
    etag: str
    annotate_at: datetime


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many photos a selection has, and what their annotations cost in US dollars by a paid model, about."""

    images: int
    usd: Decimal


def postpone(connection: Connection[Any], image_id: str, etag: str) -> bool:
    """Put a photo that waits for an annotation into the queue, and release its lease."""
    return update(
        connection,
        f"""UPDATE image SET annotate_at = COALESCE(annotate_at, NOW(3)), claimed_until = NULL
            WHERE {CURRENT} AND {WAITS}""",
        id=image_id,
        etag=etag,
    )


def due(connection: Connection[Any], limit: int) -> list[Queued]:
    """Return up to `limit` photos that are due, the longest waiting first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, etag, annotate_at FROM image
               WHERE annotate_at <= NOW(3) AND deleted_at IS NULL ORDER BY annotate_at, id LIMIT %s""",
            (limit,),
        )
        return [Queued(*row) for row in cursor.fetchall()]


def count_announcing(connection: Connection[Any], photo: Queued) -> bool:
    """Record that a photo is announced; False if something else happened to it meanwhile.

    A pending photo leaves the queue: the sweep looks after it from now on. Another annotation stays in the queue and is
    announced again after REPEAT_MINUTES, at most MAX_ANNOUNCEMENTS times.
    """
    return update(
        connection,
        # Assignments run from left to right and use new values.
        f"""UPDATE image SET
              annotation_reason = IF({_DROPPED}, %(reason)s, annotation_reason),
              reannotation = IF({_DROPPED}, NULL, reannotation),
              annotate_at = IF(annotation_status = 'pending' OR reannotation IS NULL, NULL,
                NOW(3) + INTERVAL {REPEAT_MINUTES} MINUTE),
              pending_since = IF(annotation_status = 'pending', NOW(), pending_since),
              resent = IF(annotate_at IS NULL, 0, resent + 1), resent_at = NULL
            WHERE {CURRENT} AND annotate_at = %(annotate_at)s""",
        **asdict(photo),
        reason=_REASON,
    )


def size(connection: Connection[Any]) -> int:
    """Return the number of photos in the queue."""
    return _count(connection, "annotate_at IS NOT NULL")


def estimate(connection: Connection[Any], selection: Selection) -> Estimate:
    """Return the number of photos that `annotate_again` would annotate, and about what they would cost.

    The cost of a photo is the average of the last 1,000 captions that were paid for, unusable answers included.
    """
    count = _count(connection, f"{_CANDIDATE} AND ({selection.condition})", *selection.values)
    (average,) = only_row(
        connection,
        """SELECT SUM(usd) / SUM(outcome = 'used') FROM
             (SELECT usd, outcome FROM annotation_request WHERE usd IS NOT NULL
              ORDER BY requested_at DESC LIMIT 1000) AS recent""",
    )
    return Estimate(count, count * (average or TYPICAL_USD))


_CANDIDATE = "deleted_at IS NULL AND annotation_status <> 'pending' AND reannotation IS NULL"


def annotate_again(connection: Connection[Any], selection: Selection, reannotation: Reannotation) -> int:
    """Queue the selected photos for another annotation and return their number; resumable.

    Failed photos become pending. Unusable answers of the past no longer count: the operator allows new ones. Photos
    that already wait are left out, so a run that was interrupted can be repeated.
    """
    return _update_in_batches(
        connection,
        """reannotation = IF(annotation_status = 'ready', %s, NULL),
              pending_since = IF(annotation_status = 'failed', NOW(), pending_since),
              annotation_status = IF(annotation_status = 'failed', 'pending', annotation_status),
              annotation_reason = NULL, annotation_errors = 0, unusable_answers = 0, resent = 0, resent_at = NULL,
              annotate_at = NOW(3)""",
        (reannotation,),
        _CANDIDATE,
        selection,
    )


def request_annotations(
    connection: Connection[Any], selection: Selection, reannotation: Reannotation, *, apply: bool
) -> Estimate:
    """Estimate another annotation of the selected photos; with `apply`, queue them and return how many were queued."""
    found = estimate(connection, selection)
    return replace(found, images=annotate_again(connection, selection, reannotation)) if apply else found


def failed(connection: Connection[Any], selection: Selection) -> int:
    """Return the number of photos that `retry` would queue."""
    return _count(connection, f"{_FAILED} AND ({selection.condition})", *selection.values)


_FAILED = "deleted_at IS NULL AND (thumbnail_status = 'failed' OR annotation_status = 'failed')"


def retry(connection: Connection[Any], selection: Selection) -> int:
    """Queue the selected photos whose thumbnail or annotation failed, and return their number; resumable."""
    return _update_in_batches(
        connection,
        """thumbnail_status = IF(thumbnail_status = 'failed', 'pending', thumbnail_status), thumbnail_reason = NULL,
              annotation_status = IF(annotation_status = 'failed', 'pending', annotation_status),
              annotation_reason = NULL, thumbnail_errors = 0, annotation_errors = 0,
              pending_since = NOW(), resent = 0, resent_at = NULL, annotate_at = NOW(3)""",
        (),
        _FAILED,
        selection,
    )


def request_retries(connection: Connection[Any], selection: Selection, *, apply: bool) -> int:
    """Return how many of the selected photos failed; with `apply`, queue them."""
    return retry(connection, selection) if apply else failed(connection, selection)


def annotate_offline_photos_again(connection: Connection[Any], limit: int) -> int:
    """Queue up to `limit` photos that the offline tagger annotated, each once, and return their number."""
    with connection.cursor() as cursor:
        changed: int = cursor.execute(
            f"""UPDATE image SET reannotation = 'keep', annotate_at = NOW(3), resent = 0, resent_at = NULL
                WHERE {_CANDIDATE} AND annotation_status = 'ready' AND model = %s AND reannotated_at IS NULL
                ORDER BY id DESC LIMIT %s""",
            (OFFLINE_MODEL, limit),
        )
    return changed


def _count(connection: Connection[Any], condition: str, *values: object) -> int:
    count: int
    (count,) = only_row(connection, f"SELECT COUNT(*) FROM image WHERE {condition}", *values)
    return count


def _update_in_batches(
    connection: Connection[Any], assignments: str, assigned: tuple[str, ...], condition: str, selection: Selection
) -> int:
    """Update the selected photos that fulfil a condition, in the order of their ids, and return their number."""
    where = f"{condition} AND ({selection.condition})"
    total = 0
    last = ""
    with connection.cursor() as cursor:
        # Read first: an UPDATE with LIMIT would read again all rows that earlier batches have left out or changed.
        while cursor.execute(
            f"SELECT id FROM image WHERE id > %s AND {where} ORDER BY id LIMIT {BATCH}", (last, *selection.values)
        ):
            ids = tuple(image_id for (image_id,) in cursor.fetchall())
            total += cursor.execute(
                f"UPDATE image SET {assignments} WHERE id IN %s AND {where}", (*assigned, ids, *selection.values)
            )
            last = ids[-1]
    return total
