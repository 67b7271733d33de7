"""Sends photos to the Lambda functions again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from boto3 import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from catalog.events import StoredObject, announcement
from catalog.images import Image
from catalog.keys import upload_key
from web.config import WebSettings

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# Somebody waits for the answer, and one of four threads with them.
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})


class NotStartedError(Exception):
    """Lambda did not take an event. The photo stays pending, so the sweep sends it again."""


class Functions:
    """The functions that work on photos. Safe to share between threads."""

    def __init__(self, session: Session, settings: WebSettings) -> None:
        """Connect nothing yet; endpoint and region come from the environment."""
        self._client: LambdaClient = session.client("lambda", config=_CONFIG)
        self._settings = settings

    def send_again(self, image: Image) -> None:
        """Start, without waiting for them, the functions whose part of this photo is not ready.

        Raises:
            NotStartedError: one was not started; to start the other twice does no harm.
        """
        stored = StoredObject(self._settings.bucket_name, upload_key(image.id))
        payload = json.dumps(announcement(stored))
        if image.thumbnail_status != "ready":
            self._start(self._settings.thumbnail_function, payload)
        if image.annotation_status != "ready":
            self._start(self._settings.annotate_function, payload)

    def _start(self, function: str, payload: str) -> None:
        try:
            self._client.invoke(FunctionName=function, InvocationType="Event", Payload=payload)
        except (BotoCoreError, ClientError) as error:
            raise NotStartedError(f"{function} was not started: {error}") from error
