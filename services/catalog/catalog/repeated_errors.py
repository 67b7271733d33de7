"""Fails a photo that the same error stops again and again, instead of leaving it pending for hours.

An outage is not the photo's fault: errors of AWS, of the database or of the configuration, and lack of time, are tried
again for as long as they last.
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
    f"The same error stopped this photo {MAX_ERRORS} times, so it is not tried again by itself. Press Retry to try once"
    " more. If that fails, tell whoever runs this gallery."
)

_OUTAGES = (BotoCoreError, ClientError, ConfigurationError, DatabaseUnavailableError, OutOfTimeError)


@contextmanager
def failing_repeated_errors(
    database: Database, upload: Upload, part: Part, retryable: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Count each error of the code within, and record the photo as failed when the same one came MAX_ERRORS times.

    An error that made the photo failed is logged with `repeated_errors`, of which an alarm is made, and ends here.

    Args:
        database: the catalogue.
        upload: the object that is processed; another one under the same key starts at zero.
        part: what is made of it.
        retryable: further errors that are an outage.

    Raises:
        Exception: what the code raised, when it is worth another try.
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
    """Return what tells this error from others: its class and where it was raised; messages may differ each time."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
    return text.encode("ascii", "replace").decode()[: images.MAX_ERROR_CHARACTERS]
