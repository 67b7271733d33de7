"""A bucket, a catalog and a topic, for tests of what announces photos again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from catalog.events import announced_objects
from catalog.pending import PATIENCE_MINUTES
from catalog_functions.announcer import Announcer
from catalog_functions.sweeper import Sweeper
from support.uploads import put_upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "photos"


@dataclass
class World:
    """A bucket, a catalog and a subscriber of the topic."""

    s3: S3Client
    sqs: Any
    queue: str
    connection: Any
    later: Callable[[int], None]
    sweeper: Sweeper
    announcer: Announcer
    waited: int = 0

    def upload(self, image_id: str | None = None) -> str:
        """Store a photo whose event is lost."""
        return put_upload(BUCKET, content_type="image/png", image_id=image_id)

    def overdue(self) -> str:
        """Store a photo whose event is lost, and wait until it is overdue."""
        image_id = self.upload()
        self.wait(PATIENCE_MINUTES + 1)
        return image_id

    def swept(self) -> str:
        """Store a photo that only the sweep registers."""
        image_id = self.overdue()
        self.sweeper.run()
        return image_id

    def wait(self, minutes: int) -> None:
        """Let minutes pass, in the bucket and in the catalog."""
        self.waited += minutes
        self.later(minutes)

    def age(self, parsed: dict[str, Any], **_: Any) -> None:
        """Move the times in a response of S3 into the past."""
        for described in (parsed, *parsed.get("Contents", [])):
            if isinstance(described.get("LastModified"), datetime):
                described["LastModified"] -= timedelta(minutes=self.waited)

    def announced(self) -> list[str]:
        """Return and delete the keys that the topic announced."""
        events = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                events.append({"Records": [{"Sns": json.loads(message["Body"])}]})
        found = [stored for event in events for stored in announced_objects(event)]
        assert {stored.bucket for stored in found} <= {BUCKET}
        return [stored.key for stored in found]
