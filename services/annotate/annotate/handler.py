"""Lambda function that describes each uploaded photo.

What can never succeed is recorded as the photo's state and acknowledged; everything else is raised, so that Lambda
delivers the event again. `annotate.errors` draws the line.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config

from annotate.config import AnnotateSettings
from annotate.errors import AnnotationRefusedError, BusyError, KeyRefusedError
from catalog import images
from catalog.database import Database, DatabaseUnavailableError
from catalog.settings import ConfigurationError
from catalog.uploads import MAX_BYTES, TOO_LARGE, StoredObject, Upload, image_id, process_announced
from imaging.decode import UnreadableImageError, decode

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from PIL.Image import Image

logger = logging.getLogger(__name__)

AWS_CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})

# Pixels that a photo has at most each way when it is described: enough for a caption, at a known cost.
BOX = 768

# A claim outlives the invocation, so that it never ends under a function that is still at work.
CLAIM_MARGIN_SECONDS = 5.0


class Context(Protocol):
    """What Lambda tells about an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function is stopped."""


class Annotator(Protocol):
    """Gemini or the offline tagger."""

    def annotate(self, image: Image) -> images.Annotation:
        """Describe a picture, or raise what `annotate.errors` lists."""


def handle(event: Mapping[str, Any], context: Context) -> None:
    """Describe the uploads that an event announces.

    Raises:
        ConfigurationError: the environment lacks a variable.
        ValueError: the event announces something else.
        ExceptionGroup: some objects could not be processed now; the others are done.
    """
    photos = describer()
    process_announced(event, lambda stored: photos.process(stored, context.get_remaining_time_in_millis() / 1000))


@cache
def describer() -> Describer:
    """Return the one of this process, configured by the environment on first use."""
    settings = AnnotateSettings.from_environ(os.environ)
    return Describer(settings, boto3.client("s3", config=AWS_CONFIG), Database(settings))


def make_annotator(settings: AnnotateSettings) -> Annotator:
    """Return Gemini when a key is configured, else the offline tagger. Each imports much, so only one is imported.

    Raises:
        ConfigurationError: the secret that should hold the key is blank.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: the secret cannot be read.
    """
    key = settings.gemini_api_key or _secret(settings.gemini_secret_arn)
    if key:
        from annotate.gemini import GeminiAnnotator

        return GeminiAnnotator(key, settings.gemini_model, settings.language)
    from annotate.tagger import OfflineTagger

    return OfflineTagger()


def _secret(arn: str) -> str:
    """Return the text of a secret; nothing when there is no secret."""
    if not arn:
        return ""
    text = boto3.client("secretsmanager", config=AWS_CONFIG).get_secret_value(SecretId=arn)["SecretString"].strip()
    if not text:
        raise ConfigurationError("the secret that GEMINI_SECRET_ARN names is blank")
    return text


class Describer:
    """Describes the photos in one bucket."""

    def __init__(self, settings: AnnotateSettings, s3: S3Client, database: Database) -> None:
        """Keep what all photos have in common."""
        self._settings = settings
        self._s3 = s3
        self._database = database
        self._annotator: Annotator | None = None

    def process(self, stored: StoredObject, seconds: float) -> None:
        """Describe an announced object and record that, or why there is no description. Safe to repeat.

        Args:
            stored: the object.
            seconds: the time that is left for it; so long no other delivery describes it.

        Raises:
            RetryableError: another delivery is at work, or the model is away; try again later.
            catalog.database.DatabaseUnavailableError: try again later.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: AWS does not serve us; try again later.
        """
        photo = image_id(stored.key)
        if stored.bucket != self._settings.bucket_name or photo is None:
            logger.warning("ignored an object that is not an upload")
            return
        try:
            found = self._s3.get_object(Bucket=stored.bucket, Key=stored.key)
        except self._s3.exceptions.NoSuchKey:
            logger.warning("the upload is gone", extra={"image_id": photo})
            return
        with closing(found["Body"]) as body:
            upload = Upload.from_object(photo, found)
            if not self._claim(upload, seconds + CLAIM_MARGIN_SECONDS):
                return
            try:
                self._record(upload, self._describe(body.read()))
            except (AnnotationRefusedError, UnreadableImageError) as error:
                self._fail(upload, str(error))
            except Exception:
                self._release(upload)
                raise

    def _claim(self, upload: Upload, seconds: float) -> bool:
        """Tell whether the photo is ours to describe now."""
        with self._database.connection() as connection:
            image = images.register(connection, upload)
            if not _wants_annotation(image, upload):
                logger.info("the photo needs no description", extra={"image_id": upload.id})
                return False
            if upload.bytes > MAX_BYTES:
                images.annotation_failed(connection, upload.id, upload.etag, TOO_LARGE)
                return False
            if images.claim_annotation(connection, upload.id, upload.etag, seconds):
                return True
            if _wants_annotation(images.get(connection, upload.id), upload):
                raise BusyError("another delivery is at work on the photo")
            return False

    def _describe(self, data: bytes) -> images.Annotation:
        picture = decode(data, BOX)
        if self._annotator is None:
            self._annotator = make_annotator(self._settings)
        try:
            return self._annotator.annotate(picture.image)
        except KeyRefusedError:
            self._annotator = None  # perhaps replaced: read the secret again for the next photo
            raise

    def _record(self, upload: Upload, annotation: images.Annotation) -> None:
        with self._database.connection() as connection:
            recorded = images.annotation_ready(connection, upload.id, upload.etag, annotation)
        outcome = "described a photo" if recorded else "the photo was deleted, replaced or edited meanwhile"
        logger.info(outcome, extra={"image_id": upload.id})

    def _fail(self, upload: Upload, reason: str) -> None:
        logger.info("no description: %s", reason, extra={"image_id": upload.id})
        with self._database.connection() as connection:
            images.annotation_failed(connection, upload.id, upload.etag, reason)

    def _release(self, upload: Upload) -> None:
        try:
            with self._database.connection() as connection:
                images.release_annotation(connection, upload.id, upload.etag)
        except DatabaseUnavailableError:
            logger.warning("the claim could not be given back; it will expire", extra={"image_id": upload.id})


def _wants_annotation(image: images.Image | None, upload: Upload) -> bool:
    """Tell whether a row waits for the description of this very object."""
    return image is not None and image.etag == upload.etag and image.annotation_status == "pending" and not image.edited
