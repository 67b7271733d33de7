"""Every statement of the sweep: photos that stay pending, and how many there are.

A photo is overdue when nothing has happened to it for a quarter of an hour, or for an hour since the sweep last sent it
again. Results have the last word: whatever a function or a person writes meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymysql.connections import Connection

from catalog.uploads import lowest_id

PATIENCE_MINUTES = 15
RESEND_MINUTES = 60
MAX_RESENT = 5

REASON = "This photo could not be processed, though it was tried again and again for hours. Try again later."

_PENDING = "deleted_at IS NULL AND (thumbnail_status = 'pending' OR annotation_status = 'pending')"
_SINCE = "COALESCE(pending_since, uploaded_at)"
_OVERDUE = f"""{_PENDING}
  AND {_SINCE} <= NOW() - INTERVAL {PATIENCE_MINUTES} MINUTE
  AND (resent_at IS NULL OR resent_at <= NOW() - INTERVAL {RESEND_MINUTES} MINUTE)
  AND (claimed_until IS NULL OR claimed_until < NOW(3))"""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A photo that should have been done with by now; `resent` counts how often the sweep sent it again."""

    id: str
    etag: str
    resent: int

    @property
    def hopeless(self) -> bool:
        """Whether it was sent again as often as it may be."""
        return self.resent >= MAX_RESENT


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many photos wait, since how many seconds the first of them, and how many failed."""

    pending_images: int
    oldest_pending_seconds: int
    failed_images: int


def unknown_ids(connection: Connection[Any], etags: Mapping[str, str]) -> list[str]:
    """Return, in order, those ids whose object has no row, or one that describes an older object.

    A deleted photo has a row, which describes nothing.

    Args:
        connection: to the catalogue.
        etags: the etag of the stored object of each id.
    """
    if not etags:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, etag, deleted_at IS NOT NULL FROM image WHERE id IN %s", (list(etags),))
        known = {image_id for image_id, etag, deleted in cursor.fetchall() if deleted or etag == etags[image_id]}
    return sorted(etags.keys() - known)


def overdue(connection: Connection[Any], limit: int) -> list[Overdue]:
    """Return up to `limit` overdue photos: first those that were sent again least, of these the oldest."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, etag, resent FROM image WHERE {_OVERDUE} ORDER BY resent, id LIMIT %s",
            (limit,),
        )
        return [Overdue(*row) for row in cursor.fetchall()]


def count_resending(connection: Connection[Any], photo: Overdue) -> bool:
    """Record that a photo is sent again; False when it is not overdue any more, or another sweep sends it."""
    return _update(
        connection,
        f"""UPDATE image SET resent = resent + 1, resent_at = NOW()
            WHERE id = %(id)s AND etag = %(etag)s AND resent = %(resent)s AND {_OVERDUE}""",
        photo,
    )


def give_up(connection: Connection[Any], photo: Overdue) -> bool:
    """Make what is pending of a photo failed, with a reason; False when it is not overdue any more.

    The count starts again, so that a person's retry has as many chances.
    """
    return _update(
        connection,
        # Assignments see what those before them assigned: each reason has to come before its status.
        f"""UPDATE image SET
              thumbnail_reason = IF(thumbnail_status = 'pending', %(reason)s, thumbnail_reason),
              thumbnail_status = IF(thumbnail_status = 'pending', 'failed', thumbnail_status),
              annotation_reason = IF(annotation_status = 'pending', %(reason)s, annotation_reason),
              annotation_status = IF(annotation_status = 'pending', 'failed', annotation_status),
              claimed_until = NULL, resent = 0, resent_at = NULL
            WHERE id = %(id)s AND etag = %(etag)s AND resent = %(resent)s AND {_OVERDUE}""",
        photo,
        reason=REASON,
    )


def backlog(connection: Connection[Any], failed_since: datetime) -> Backlog:
    """Count what is pending now, and which photos uploaded since a moment have failed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT COUNT(*), GREATEST(0, COALESCE(TIMESTAMPDIFF(SECOND, MIN({_SINCE}), NOW()), 0))
                FROM image WHERE {_PENDING}"""
        )
        pending, oldest = cursor.fetchone() or (0, 0)
        cursor.execute(
            """SELECT COUNT(*) FROM image WHERE id >= %s AND deleted_at IS NULL
               AND (thumbnail_status = 'failed' OR annotation_status = 'failed')""",
            (lowest_id(failed_since),),
        )
        (failed,) = cursor.fetchone() or (0,)
    return Backlog(pending, oldest, failed)


def _update(connection: Connection[Any], statement: str, photo: Overdue, **values: str) -> bool:
    with connection.cursor() as cursor:
        return bool(cursor.execute(statement, {"id": photo.id, "etag": photo.etag, "resent": photo.resent, **values}))
