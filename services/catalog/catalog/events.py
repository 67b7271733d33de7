"""Events that announce uploads: S3 notifications, delivered to Lambda functions by SNS."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_plus

from catalog.keys import parse_upload_key

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredObject:
    """An object that an event announces; `key` is decoded."""

    bucket: str
    key: str


def announced_objects(event: Mapping[str, Any]) -> list[StoredObject]:
    """Return the objects that a Lambda event announces: S3 notifications in SNS messages.

    S3 URL-encodes keys; this is the only place that decodes them. The `s3:TestEvent`, which S3 sends when a
    notification is configured, announces nothing.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html

    Raises:
        ValueError: the event has another form.
    """
    try:
        notifications = [json.loads(record["Sns"]["Message"]) for record in event["Records"]]
        return [
            StoredObject(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))
            for notification in notifications
            if notification.get("Event") != "s3:TestEvent"
            for record in notification["Records"]
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an S3 notification in an SNS message: {error!r}") from error


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


def notification(stored: StoredObject) -> str:
    """Return the message that S3 publishes to a topic for an object; used to announce an upload again."""
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Post",
        "s3": {"bucket": {"name": stored.bucket}, "object": {"key": quote(stored.key)}},
    }
    return json.dumps({"Records": [record]})


def announcement(stored: StoredObject) -> dict[str, Any]:
    """Return the event that a topic delivers to a function for an object; used to start one function again."""
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": notification(stored)}}]}
