"""Invokes the Lambda functions for a retry."""

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

# A person is waiting, and one of four threads is busy.
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})


class NotStartedError(Exception):
    """Lambda did not accept an event. The photo stays pending, so the sweep retries it."""


class Functions:
    """The functions that process photos. Thread-safe."""

    def __init__(self, session: Session, settings: WebSettings) -> None:
        """Create a client; endpoint and region come from the environment."""
        self._client: LambdaClient = session.client("lambda", config=_CONFIG)
        self._settings = settings

    def send_again(self, image: Image) -> None:
        """Invoke asynchronously the functions whose part of this photo is not ready.

        Raises:
            NotStartedError: an invocation failed. All invocations are idempotent, so the whole call can be repeated.
        """
        stored = StoredObject(self._settings.bucket_name, upload_key(image.id))
        payload = json.dumps(announcement(stored))
        if image.thumbnail_status != "ready":
            self._invoke(self._settings.thumbnail_function, payload)
        if image.annotation_status != "ready":
            self._invoke(self._settings.annotate_function, payload)

    def _invoke(self, function: str, payload: str) -> None:
        try:
            self._client.invoke(FunctionName=function, InvocationType="Event", Payload=payload)
        except (BotoCoreError, ClientError) as error:
            raise NotStartedError(f"cannot invoke {function}: {error}") from error
