"""Sends photos to the Lambda functions again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from boto3 import Session
from botocore.config import Config

from catalog.images import Image
from catalog.uploads import StoredObject, announcement, upload_key
from web.config import WebSettings

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


class Functions:
    """The functions that work on photos. Safe to share between threads."""

    def __init__(self, session: Session, settings: WebSettings) -> None:
        """Connect nothing yet; endpoint and region come from the environment."""
        self._client: LambdaClient = session.client("lambda", config=_CONFIG)
        self._settings = settings

    def send_again(self, image: Image) -> None:
        """Start, without waiting for them, the functions whose part of this photo is not ready."""
        stored = StoredObject(self._settings.bucket_name, upload_key(image.id))
        payload = json.dumps(announcement(stored))
        if image.thumbnail_status != "ready":
            self._start(self._settings.thumbnail_function, payload)
        if image.annotation_status != "ready":
            self._start(self._settings.annotate_function, payload)

    def _start(self, function: str, payload: str) -> None:
        self._client.invoke(FunctionName=function, InvocationType="Event", Payload=payload)
