"""Records a photo as failed if the same error occurs repeatedly, instead of leaving it pending for hours.

Outages do not count: errors of AWS, the database and the configuration, and timeouts, are retried as long as they last.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from catalog import images
from catalog.database import Database, DatabaseUnavailableError
from catalog.deadline import OutOfTimeError
from catalog.images import MAX_ERRORS, Part
from catalog.settings import ConfigurationError
from catalog.uploads import Upload

logger = logging.getLogger(__name__)

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
        failed = database.run(
            lambda connection: images.count_error(connection, upload.id, upload.etag, part, where, REASON)
        )
        if not failed:
            raise
        logger.exception(
            "the same error stopped a photo again: %s",
            where,
            extra={"image_id": upload.id, "repeated_errors": MAX_ERRORS},
        )


def _describe(error: Exception) -> str:
    """Identify an error by its class and where it was raised; its message may differ each time."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
    return text.encode("ascii", "replace").decode()[: images.MAX_ERROR_CHARACTERS]
