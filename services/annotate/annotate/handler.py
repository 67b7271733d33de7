"""Lambda function that annotates each uploaded photo.

Permanent failures are recorded as the photo's state and acknowledged; everything else is raised, so that Lambda
delivers the event again. `annotate.errors` defines which is which. A bug that repeatedly stops the same photo is
recorded too.

Annotations cost money, so only one delivery at a time requests one: the holder of the photo's lease. Other deliveries
are acknowledged meanwhile, because the holder ends in one of three ways. It records the annotation or a failure. It
fails, releases the lease and is delivered again. Or its process is killed: then the lease expires, and the sweep
announces the photo again. Only a killed process can lose an annotation that has been paid for, between the answer and
its record. That takes milliseconds, or two minutes during a failover of the database.
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

from annotate.config import AnnotateSettings
from annotate.errors import AnnotationRefusedError, KeyRefusedError, RetryableError
from catalog import images
from catalog.bucket import Bucket, Download, FileTooLargeError
from catalog.database import Database, DatabaseUnavailableError
from catalog.deadline import Context, OutOfTimeError, time_limit
from catalog.events import process_uploads
from catalog.repeated_errors import failing_repeated_errors
from catalog.secrets import read_secret
from catalog.settings import ConfigurationError
from catalog.uploads import Upload
from imaging.decode import UnreadableImageError, decode

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

# Maximum width and height, in pixels, of the picture that is sent to the model: enough for a caption, at a known cost.
BOX = 768

# A lease outlives the invocation, so that it never expires while the function is working.
LEASE_MARGIN_SECONDS = 5.0

# Time reserved for recording an annotation that has been paid for: a failover of RDS takes one to two minutes.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html
RECORDING_SECONDS = 120.0
# Time reserved for releasing the lease, before Lambda stops the function.
ENDING_SECONDS = 10.0


class Annotator(Protocol):
    """Gemini or the offline tagger."""

    def annotate(self, image: Image) -> images.Annotation:
        """Annotate an RGB picture, or raise an error of `annotate.errors`."""


def handle(event: Mapping[str, Any], context: Context) -> None:
    """Annotate the uploads that an event announces.

    Raises:
        ConfigurationError: a variable is missing.
        ValueError: the event has another form.
        ExceptionGroup: some uploads could not be processed; the others were.
    """
    photos = describer()
    process_uploads(
        event,
        photos.bucket.name,
        lambda image_id: photos.process(image_id, context.get_remaining_time_in_millis() / 1000),
    )


@cache
def describer() -> Describer:
    """Return the describer of this process; the first call reads its settings from the environment."""
    settings = AnnotateSettings.from_environ(os.environ)
    return Describer(settings, Bucket(settings.bucket_name), Database(settings))


def make_annotator(settings: AnnotateSettings) -> Annotator:
    """Return Gemini if a key is configured, otherwise the offline tagger. Imports are slow, so only one is imported.

    Raises:
        ConfigurationError: the secret with the key is blank.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: the secret cannot be read.
    """
    key = settings.gemini_api_key
    if not key and settings.gemini_secret_arn:
        key = read_secret(settings.gemini_secret_arn).strip()
        if not key:
            raise ConfigurationError("the secret in GEMINI_SECRET_ARN is blank")
    if key:
        from annotate.gemini.client import GeminiAnnotator

        return GeminiAnnotator(key, settings.gemini_model, settings.language)
    from annotate.offline.tagger import OfflineTagger

    return OfflineTagger()


class Describer:
    """Annotates the photos in one bucket."""

    def __init__(self, settings: AnnotateSettings, bucket: Bucket, database: Database) -> None:
        """Create a describer for all events of this process."""
        self.bucket = bucket
        self._settings = settings
        self._database = database
        self._annotator: Annotator | None = None

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()

    def process(self, image_id: str, seconds: float) -> None:
        """Annotate an upload and record the annotation, or why it failed; idempotent.

        Args:
            image_id: the photo.
            seconds: the time left; no other delivery annotates the photo meanwhile.

        Raises:
            RetryableError: the model is unavailable; try again later.
            catalog.deadline.OutOfTimeError: it took too long; try again later.
            catalog.database.DatabaseUnavailableError: try again later.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: AWS failed; try again later.
        """
        end = time.monotonic() + seconds
        # An invocation shorter than the template's is divided in proportion.
        recording_end = end - min(ENDING_SECONDS, seconds / 4)
        description_end = max(recording_end - RECORDING_SECONDS, end - seconds * 3 / 5)
        with _until(description_end):
            download = self.bucket.open_upload(image_id)
        if download is None:
            logger.warning("the upload is gone", extra={"image_id": image_id})
            return
        with closing(download):
            upload = download.upload
            with _until(description_end):
                lease = self._register(upload, seconds + LEASE_MARGIN_SECONDS)
            if lease is None:
                return
            with failing_repeated_errors(self._database, upload, "annotation", (RetryableError,)):
                try:
                    with _until(description_end):
                        if not self._acquire(upload, lease):
                            return
                        outcome = self._outcome(download)
                    with _until(recording_end):
                        self._record(upload, lease, outcome, recording_end - time.monotonic())
                except Exception:
                    self._release(upload, lease, end)
                    raise

    def _register(self, upload: Upload, seconds: float) -> datetime | None:
        """Register the upload and return the end of a lease for it; None if it needs no annotation."""

        def register(connection: Any) -> datetime | None:
            wanted = _wants_annotation(images.register(connection, upload), upload)
            return images.lease_end(connection, seconds) if wanted else None

        lease = self._database.run(register)
        if lease is None:
            logger.info("the photo needs no description", extra={"image_id": upload.id})
        return lease

    def _acquire(self, upload: Upload, lease: datetime) -> bool:
        acquired = self._database.run(
            lambda connection: images.acquire_lease(connection, upload.id, upload.etag, lease)
        )
        if not acquired:
            logger.info("another delivery is annotating or has annotated the photo", extra={"image_id": upload.id})
        return acquired

    def _outcome(self, download: Download) -> images.Annotation | str:
        """Return the annotation, or a failure reason for users."""
        try:
            return self._describe(download.read())
        except (AnnotationRefusedError, FileTooLargeError, UnreadableImageError) as error:
            return str(error)

    def _describe(self, data: bytes) -> images.Annotation:
        picture = decode(data, BOX)
        if self._annotator is None:
            self._annotator = make_annotator(self._settings)
        try:
            return self._annotator.annotate(picture.on_white())
        except KeyRefusedError:
            self._annotator = None  # the key may have been replaced: read the secret again for the next photo
            raise

    def _record(self, upload: Upload, lease: datetime, outcome: images.Annotation | str, seconds: float) -> None:
        """Record an outcome; retry for `seconds` while the database is away."""

        def record(connection: Any) -> bool:
            if isinstance(outcome, str):
                return images.annotation_failed(connection, upload.id, upload.etag, outcome, lease)
            return images.annotation_ready(connection, upload.id, upload.etag, outcome)

        if not self._database.run(record, seconds):
            logger.info("the photo was deleted, replaced, edited or described meanwhile", extra={"image_id": upload.id})
        elif isinstance(outcome, str):
            logger.info("no description: %s", outcome, extra={"image_id": upload.id})
        else:
            logger.info("described a photo", extra={"image_id": upload.id})

    def _release(self, upload: Upload, lease: datetime, end: float) -> None:
        """Release a lease before `end`, a time of time.monotonic()."""
        try:
            with _until(end - 1):
                self._database.run(
                    lambda connection: images.release_lease(connection, upload.id, upload.etag, lease),
                    end - 1 - time.monotonic(),
                )
        except (DatabaseUnavailableError, OutOfTimeError):
            logger.warning("could not release the lease; it will expire", extra={"image_id": upload.id})


def _until(moment: float) -> AbstractContextManager[None]:
    """Interrupt the block at `moment`, a time of time.monotonic()."""
    return time_limit(moment - time.monotonic())


def _wants_annotation(image: images.Image | None, upload: Upload) -> bool:
    """Tell whether a row is waiting for the annotation of this object."""
    return image is not None and image.etag == upload.etag and image.annotation_status == "pending" and not image.edited
