"""The SQL statements of the sweep: which photos have been pending for too long, and how many.

A photo is overdue if nothing has happened to it for PATIENCE_MINUTES, or for RESEND_MINUTES since the sweep last
announced it again. The sweep never overwrites a result of a function or a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pymysql.connections import Connection

from catalog.keys import lowest_id
from catalog.leases import UNLEASED
from catalog.statements import only_row, update

PATIENCE_MINUTES = 15
RESEND_MINUTES = 60
MAX_RESENT = 5

REASON = "This photo could not be processed, even after several hours of retries. Press Retry to try again."

_PENDING = "deleted_at IS NULL AND (thumbnail_status = 'pending' OR annotation_status = 'pending')"
# Photos in the queue wait for it, see `catalog.queue`.
_UNFINISHED = (
    "deleted_at IS NULL AND (thumbnail_status = 'pending' OR annotation_status = 'pending' AND annotate_at IS NULL)"
)
_SINCE = "COALESCE(pending_since, uploaded_at)"
_OVERDUE = f"""{_UNFINISHED}
  AND {_SINCE} <= NOW() - INTERVAL {PATIENCE_MINUTES} MINUTE
  AND (resent_at IS NULL OR resent_at <= NOW() - INTERVAL {RESEND_MINUTES} MINUTE)
  AND {UNLEASED}"""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A photo that should be finished by now; `resent` counts how often the sweep announced it again."""

    id: str
    etag: str
    resent: int

    @property
    def retries_exhausted(self) -> bool:
        """Whether the photo was announced MAX_RESENT times."""
        return self.resent >= MAX_RESENT


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of pending photos, the age of the oldest one outside the queue, and the number of failed photos."""

    pending_images: int
    oldest_pending_seconds: int
    failed_images: int


def unknown_ids(connection: Connection[Any], etags: Mapping[str, str]) -> list[str]:
    """Return the ids, sorted, whose object has no row or another etag than its row; deleted photos count as known.

    Args:
        connection: a connection to the catalog.
        etags: the etag of the stored object of each id.
    """
    if not etags:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, etag, deleted_at IS NOT NULL FROM image WHERE id IN %s", (list(etags),))
        known = {image_id for image_id, etag, deleted in cursor.fetchall() if deleted or etag == etags[image_id]}
    return sorted(etags.keys() - known)


def overdue(connection: Connection[Any], limit: int) -> list[Overdue]:
    """Return up to `limit` overdue photos, sorted by how often they were announced again, then by age."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, etag, resent FROM image WHERE {_OVERDUE} ORDER BY resent, id LIMIT %s",
            (limit,),
        )
        return [Overdue(*row) for row in cursor.fetchall()]


def count_resending(connection: Connection[Any], photo: Overdue) -> bool:
    """Record that a photo is announced again; False if it is no longer overdue or another sweep announces it."""
    return update(
        connection,
        f"""UPDATE image SET resent = resent + 1, resent_at = NOW()
            WHERE id = %(id)s AND etag = %(etag)s AND resent = %(resent)s AND {_OVERDUE}""",
        **asdict(photo),
    )


def give_up(connection: Connection[Any], photo: Overdue) -> bool:
    """Record the pending parts of a photo as failed; False if the photo is no longer overdue.

    The count restarts at zero, so that a person's retry gets the full number of attempts.
    """
    return update(
        connection,
        # Assignments run from left to right and use new values: each reason must come before its status.
        f"""UPDATE image SET
              thumbnail_reason = IF(thumbnail_status = 'pending', %(reason)s, thumbnail_reason),
              thumbnail_status = IF(thumbnail_status = 'pending', 'failed', thumbnail_status),
              annotation_reason = IF(annotation_status = 'pending' AND annotate_at IS NULL,
                %(reason)s, annotation_reason),
              annotation_status = IF(annotation_status = 'pending' AND annotate_at IS NULL,
                'failed', annotation_status),
              claimed_until = NULL, resent = 0, resent_at = NULL
            WHERE id = %(id)s AND etag = %(etag)s AND resent = %(resent)s AND {_OVERDUE}""",
        **asdict(photo),
        reason=REASON,
    )


def backlog(connection: Connection[Any], failed_since: datetime) -> Backlog:
    """Count the pending photos, and the failed ones that were uploaded after a moment."""
    pending, oldest = only_row(
        connection,
        f"""SELECT COUNT(*),
              GREATEST(0, COALESCE(TIMESTAMPDIFF(SECOND, MIN(IF({_UNFINISHED}, {_SINCE}, NULL)), NOW()), 0))
            FROM image WHERE {_PENDING}""",
    )
    (failed,) = only_row(
        connection,
        """SELECT COUNT(*) FROM image WHERE id >= %s AND deleted_at IS NULL
           AND (thumbnail_status = 'failed' OR annotation_status = 'failed')""",
        lowest_id(failed_since),
    )
    return Backlog(pending, oldest, failed)
