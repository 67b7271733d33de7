"""Events that announce uploads: S3 notifications, delivered to Lambda functions by SNS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote_plus


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
