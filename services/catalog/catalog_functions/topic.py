"""The topic that announces uploads to both functions, as S3 does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from catalog.events import StoredObject, notification
from catalog.keys import upload_key

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

logger = logging.getLogger(__name__)


class Topic:
    """Announces the photos of one bucket."""

    def __init__(self, client: SNSClient, arn: str, bucket_name: str) -> None:
        """Use a client of SNS."""
        self._client = client
        self._arn = arn
        self._bucket_name = bucket_name

    def announce(self, image_id: str) -> None:
        """Announce a photo again; functions skip finished work."""
        message = notification(StoredObject(self._bucket_name, upload_key(image_id)))
        self._client.publish(TopicArn=self._arn, Message=message)
        logger.info("sent a photo again", extra={"image_id": image_id})
