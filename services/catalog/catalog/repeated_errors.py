"""Records a photo as failed if the same error occurs repeatedly, instead of leaving it pending for hours.

Outages do not count: errors of AWS, the database and the configuration, and timeouts, are retried as long as they last.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pymysql.connections import Connection

from catalog.database import Database, DatabaseUnavailableError
from catalog.deadline import OutOfTimeError
from catalog.images import CURRENT, MAX_ERRORS, Part
from catalog.leases import UNLEASED
from catalog.settings import ConfigurationError
from catalog.uploads import Upload

logger = logging.getLogger(__name__)

MAX_ERROR_CHARACTERS = 200

REASON = (
    f"Processing this photo failed {MAX_ERRORS} times with the same error. Press Retry to try once more."
    " If it fails again, contact the site owner."
)

_OUTAGES = (BotoCoreError, ClientError, ConfigurationError, DatabaseUnavailableError, OutOfTimeError)


@contextmanager
def failing_repeated_errors(
    database: Database, upload: Upload, part: Part, retryable: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Count errors of the code in the block, and record the photo as failed when the same one occurs MAX_ERRORS times.

    The last of these errors is logged with `repeated_errors`, which triggers an alarm, and is not raised.

    Args:
        database: the catalog.
        upload: the processed object; the count restarts for another object under the same key.
        part: the part that is being made.
        retryable: further errors that are outages.

    Raises:
        Exception: the error of the block, if it is worth another try.
    """
    outages: tuple[type[Exception], ...] = (*_OUTAGES, *retryable)
    try:
        yield
    except outages:
        raise
    except Exception as error:
        where = _describe(error)
        failed = database.run(lambda connection: count_error(connection, upload.id, upload.etag, part, where, REASON))
        if not failed:
            raise
        logger.exception(
            "the same error stopped a photo again: %s",
            where,
            extra={"image_id": upload.id, "repeated_errors": MAX_ERRORS},
        )


def count_error(connection: Connection[Any], image_id: str, etag: str, part: Part, error: str, reason: str) -> bool:
    """Count an error; at the MAX_ERRORS-th in a row, record the part as failed. Return True if the part has failed.

    Args:
        connection: a connection to the catalog.
        image_id: the photo.
        etag: the object that was processed.
        part: the part that was being made; errors count only while it is pending.
        error: identifies the error, in ASCII; a different error restarts the count.
        reason: the failure reason for users.
    """
    unleased = UNLEASED if part == "annotation" else "TRUE"
    with connection.cursor() as cursor:
        cursor.execute(
            # Assignments run from left to right and use new values: the count must come first.
            f"""UPDATE image SET
                  {part}_errors = IF({part}_error <=> %(error)s, {part}_errors, 0) + 1,
                  {part}_error = %(error)s,
                  {part}_reason = IF({part}_errors >= {MAX_ERRORS}, %(reason)s, {part}_reason),
                  {part}_status = IF({part}_errors >= {MAX_ERRORS}, 'failed', {part}_status)
                WHERE {CURRENT} AND {part}_status = 'pending' AND {unleased}""",
            {"id": image_id, "etag": etag, "error": error[:MAX_ERROR_CHARACTERS], "reason": reason},
        )
        cursor.execute(
            f"SELECT 1 FROM image WHERE {CURRENT} AND {part}_status = 'failed'", {"id": image_id, "etag": etag}
        )
        return cursor.fetchone() is not None


def _describe(error: Exception) -> str:
    """Identify an error by its class and where it was raised; its message may differ each time."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
    return text.encode("ascii", "replace").decode()[:MAX_ERROR_CHARACTERS]
