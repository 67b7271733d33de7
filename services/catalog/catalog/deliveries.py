"""The loop of a Lambda function over the uploads that an event announces."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from catalog.events import announced_objects
from catalog.keys import parse_upload_key

logger = logging.getLogger(__name__)


def process_uploads(event: Mapping[str, Any], bucket: str, process: Callable[[str], None]) -> None:
    """Call `process` with the image id of each announced upload; a failed one does not stop the others.

    Objects in other buckets and under other keys are ignored.

    Raises:
        ValueError: the event holds no S3 notifications.
        ExceptionGroup: some uploads could not be processed; the others were.
    """
    failures: list[Exception] = []
    for stored in announced_objects(event):
        image_id = parse_upload_key(stored.key)
        if stored.bucket != bucket or image_id is None:
            logger.warning("ignored an object that is not an upload")
            continue
        try:
            process(image_id)
        except Exception as error:
            logger.exception("an upload could not be processed", extra={"image_id": image_id})
            failures.append(error)
    if failures:
        raise ExceptionGroup("some uploads could not be processed", failures)
