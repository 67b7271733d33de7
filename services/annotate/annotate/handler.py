"""Lambda function that describes each uploaded photo.

What can never succeed is recorded as the photo's state and acknowledged; everything else is raised, so that Lambda
delivers the event again. `annotate.errors` draws the line. A bug that stops the same photo again and again is recorded,
too.

A description is paid for, so one delivery at a time asks for it: the one that holds the photo's claim. Another one is
acknowledged meanwhile, because the holder ends in one of three ways. It records the description or a reason. It fails,
gives the claim back and is delivered again itself. Or its process is killed: then the claim runs out, and the sweep
sends the photo again. The answer of a killed process is the only one that is paid for and lost: from its arrival until
it is recorded, which takes milliseconds, or two minutes while the database fails over.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config

from annotate.config import AnnotateSettings
from annotate.errors import AnnotationRefusedError, KeyRefusedError, RetryableError
from catalog import images
from catalog.database import Database, DatabaseUnavailableError
from catalog.deadline import Context, OutOfTimeError, time_limit
from catalog.repeated_errors import failing_repeated_errors
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

# What is kept of an invocation for recording an answer that is paid for: a failover of RDS takes one to two minutes.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html
RECORDING_SECONDS = 120.0
# And for giving back a claim, before Lambda stops the function.
ENDING_SECONDS = 10.0


class Annotator(Protocol):
    """Gemini or the offline tagger."""

    def annotate(self, image: Image) -> images.Annotation:
        """Describe an RGB picture, or raise what `annotate.errors` lists."""


class Readable(Protocol):
    """The body of an S3 object."""

    def read(self) -> bytes:
        """Return all of it."""


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
        from annotate.gemini.client import GeminiAnnotator

        return GeminiAnnotator(key, settings.gemini_model, settings.language)
    from annotate.offline.tagger import OfflineTagger

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
            RetryableError: the model is away; try again later.
            catalog.deadline.OutOfTimeError: it took too long; try again later.
            catalog.database.DatabaseUnavailableError: try again later.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: AWS does not serve us; try again later.
        """
        photo = image_id(stored.key)
        if stored.bucket != self._settings.bucket_name or photo is None:
            logger.warning("ignored an object that is not an upload")
            return
        end = time.monotonic() + seconds
        # A shorter invocation than the template's is shared out.
        recording_end = end - min(ENDING_SECONDS, seconds / 4)
        description_end = max(recording_end - RECORDING_SECONDS, end - seconds * 3 / 5)
        with _until(description_end):
            try:
                found = self._s3.get_object(Bucket=stored.bucket, Key=stored.key)
            except self._s3.exceptions.NoSuchKey:
                logger.warning("the upload is gone", extra={"image_id": photo})
                return
        with closing(found["Body"]) as body:
            upload = Upload.from_object(photo, found)
            with _until(description_end):
                claim = self._register(upload, seconds + CLAIM_MARGIN_SECONDS)
            if claim is None:
                return
            with failing_repeated_errors(self._database, upload, "annotation", (RetryableError,)):
                try:
                    with _until(description_end):
                        if not self._claim(upload, claim):
                            return
                        outcome = self._outcome(upload, body)
                    with _until(recording_end):
                        self._record(upload, claim, outcome, recording_end - time.monotonic())
                except Exception:
                    self._release(upload, claim, end)
                    raise

    def _register(self, upload: Upload, seconds: float) -> datetime | None:
        """Return when a claim of the photo ends, or nothing when it needs no description."""

        def register(connection: Any) -> datetime | None:
            wanted = _wants_annotation(images.register(connection, upload), upload)
            return images.claim_end(connection, seconds) if wanted else None

        claim = self._database.run(register)
        if claim is None:
            logger.info("the photo needs no description", extra={"image_id": upload.id})
        return claim

    def _claim(self, upload: Upload, claim: datetime) -> bool:
        """Tell whether the photo is ours to describe now."""
        claimed = self._database.run(
            lambda connection: images.claim_annotation(connection, upload.id, upload.etag, claim)
        )
        if not claimed:
            logger.info("another delivery describes the photo, or has done so", extra={"image_id": upload.id})
        return claimed

    def _outcome(self, upload: Upload, body: Readable) -> images.Annotation | str:
        """Return a description, or a sentence that tells why there will be none."""
        if upload.bytes > MAX_BYTES:
            return TOO_LARGE
        try:
            return self._describe(body.read())
        except (AnnotationRefusedError, UnreadableImageError) as error:
            return str(error)

    def _describe(self, data: bytes) -> images.Annotation:
        picture = decode(data, BOX)
        if self._annotator is None:
            self._annotator = make_annotator(self._settings)
        try:
            return self._annotator.annotate(picture.on_white())
        except KeyRefusedError:
            self._annotator = None  # perhaps replaced: read the secret again for the next photo
            raise

    def _record(self, upload: Upload, claim: datetime, outcome: images.Annotation | str, seconds: float) -> None:
        """Record an outcome, and try so for some seconds if the database is away."""

        def record(connection: Any) -> bool:
            if isinstance(outcome, str):
                return images.annotation_failed(connection, upload.id, upload.etag, outcome, claim)
            return images.annotation_ready(connection, upload.id, upload.etag, outcome)

        if not self._database.run(record, seconds):
            logger.info("the photo was deleted, replaced, edited or described meanwhile", extra={"image_id": upload.id})
        elif isinstance(outcome, str):
            logger.info("no description: %s", outcome, extra={"image_id": upload.id})
        else:
            logger.info("described a photo", extra={"image_id": upload.id})

    def _release(self, upload: Upload, claim: datetime, end: float) -> None:
        """Give a claim back before `end`, on the clock time.monotonic."""
        try:
            with _until(end - 1):
                self._database.run(
                    lambda connection: images.release_annotation(connection, upload.id, upload.etag, claim),
                    end - 1 - time.monotonic(),
                )
        except (DatabaseUnavailableError, OutOfTimeError):
            logger.warning("the claim could not be given back; it will run out", extra={"image_id": upload.id})


def _until(moment: float) -> AbstractContextManager[None]:
    """Interrupt what is not done by a moment, on the clock time.monotonic."""
    return time_limit(moment - time.monotonic())


def _wants_annotation(image: images.Image | None, upload: Upload) -> bool:
    """Tell whether a row waits for the description of this very object."""
    return image is not None and image.etag == upload.etag and image.annotation_status == "pending" and not image.edited
