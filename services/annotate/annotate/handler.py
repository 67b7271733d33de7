"""Lambda function that annotates each uploaded photo.

Permanent failures are recorded as the photo's state and acknowledged. Problems that the operator has to solve pause
annotation: photos wait in the catalog's queue, and their events are acknowledged. Everything else is raised, so that
Lambda delivers the event again. `annotate.errors` defines which is which. A bug that repeatedly stops the same photo is
recorded too.

Annotations cost money, so only one delivery at a time requests one: the holder of the photo's lease. Other deliveries
are acknowledged meanwhile, because the holder ends in one of three ways. It records the annotation or a failure. It
fails, releases the lease and is delivered again. Or its process is killed: then the lease expires, and the sweep
announces the photo again. Only a killed process can lose an annotation that has been paid for, between the answer and
its record. The ledger counts it, so that this cannot repeat without end.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from datetime import datetime
from functools import cache
from typing import Any, Literal

from annotate.account import PhotoAccount
from annotate.annotator import Annotator, Facts
from annotate.api_key import read_api_key
from annotate.config import AnnotateSettings
from annotate.errors import AnnotationRefusedError, PausedError, RetryableError
from catalog import images, leases, pause, queue
from catalog.bucket import Bucket, Download, FileTooLargeError
from catalog.database import Database, DatabaseUnavailableError
from catalog.deadline import Context, OutOfTimeError, time_limit
from catalog.events import process_uploads
from catalog.repeated_errors import failing_repeated_errors
from catalog.uploads import Upload
from imaging.decode import UnreadableImageError, decode

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


def make_annotator(settings: AnnotateSettings, key: str | None) -> Annotator:
    """Return Gemini if there is a key, otherwise the offline tagger. Imports are slow, so only one is imported."""
    if key is None:
        from annotate.offline.tagger import OfflineTagger

        return OfflineTagger()
    from annotate.gemini.client import GeminiAnnotator

    return GeminiAnnotator(key, settings.gemini_model, settings.language, context=settings.prompt_context)


class Describer:
    """Annotates the photos in one bucket."""

    def __init__(self, settings: AnnotateSettings, bucket: Bucket, database: Database) -> None:
        """Create a describer for all events of this process."""
        self.bucket = bucket
        self._settings = settings
        self._database = database
        self._annotator: Annotator | None = None
        self._key: str | None = None

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
            account = PhotoAccount(self._database, upload, self._settings.limits)
            with failing_repeated_errors(self._database, upload, "annotation", (RetryableError,)):
                try:
                    with _until(description_end):
                        if not self._acquire(upload, lease):
                            return
                        outcome = self._outcome(download, account)
                    with _until(recording_end):
                        self._record(upload, lease, account, outcome, recording_end - time.monotonic())
                except Exception:
                    self._release(upload, lease, account, end)
                    raise

    def _register(self, upload: Upload, seconds: float) -> datetime | None:
        """Register the upload and return the end of a lease for it; None if it needs no annotation."""

        def register(connection: Any) -> datetime | None:
            wanted = _wants_annotation(images.register(connection, upload), upload)
            return leases.end(connection, seconds) if wanted else None

        lease = self._database.run(register)
        if lease is None:
            logger.info("the photo needs no description", extra={"image_id": upload.id})
        return lease

    def _acquire(self, upload: Upload, lease: datetime) -> bool:
        """Acquire the lease, unless another delivery holds one or annotation is paused."""

        def acquire(connection: Any) -> Literal["leased", "busy", "paused"]:
            if not leases.acquire(connection, upload.id, upload.etag, lease):
                return "busy"
            if self._settings.uses_model and not pause.admit(connection, lease):
                queue.postpone(connection, upload.id, upload.etag)
                return "paused"
            return "leased"

        acquired = self._database.run(acquire)
        if acquired == "busy":
            logger.info("another delivery is annotating or has annotated the photo", extra={"image_id": upload.id})
        elif acquired == "paused":
            logger.info("annotation is paused; the photo waits in the queue", extra={"image_id": upload.id})
        return acquired == "leased"

    def _outcome(self, download: Download, account: PhotoAccount) -> images.Annotation | PausedError | str:
        """Return the annotation, why annotation has to pause, or a failure reason for users."""
        try:
            return self._describe(download, account)
        except PausedError as error:
            return error
        except (AnnotationRefusedError, FileTooLargeError, UnreadableImageError) as error:
            return str(error)

    def _describe(self, download: Download, account: PhotoAccount) -> images.Annotation:
        decoded = decode(download.read(), BOX)
        picture = decoded.on_white()
        facts = Facts(download.upload.filename, decoded.shot.taken, decoded.shot.camera)
        annotator = self._annotator or self._load_annotator()
        try:
            return annotator.annotate(picture, facts, account)
        except PausedError:
            reloaded = self._load_annotator()  # the key may have been replaced
            if reloaded is annotator:
                raise
            return reloaded.annotate(picture, facts, account)

    def _load_annotator(self) -> Annotator:
        """Return an annotator with the present key."""
        key = read_api_key(self._settings)
        if self._annotator is None or key != self._key:
            self._annotator, self._key = make_annotator(self._settings, key), key
        return self._annotator

    def _record(
        self,
        upload: Upload,
        lease: datetime,
        account: PhotoAccount,
        outcome: images.Annotation | PausedError | str,
        seconds: float,
    ) -> None:
        """Record an outcome, together with its requests; retry for `seconds` while the database is away."""

        def record(connection: Any) -> tuple[bool, int | None]:
            account.write(connection)
            if isinstance(outcome, PausedError):
                pause.start(connection, outcome.cause, outcome.detail, outcome.retry_after)
                queue.postpone(connection, upload.id, upload.etag)
                return True, None
            if account.was_answered or not self._settings.uses_model:
                pause.end(connection)
            else:
                pause.withdraw(connection, lease)
            if isinstance(outcome, str):
                recorded = images.annotation_failed(connection, upload.id, upload.etag, outcome, lease)
            else:
                recorded = images.annotation_ready(connection, upload.id, upload.etag, outcome)
            return recorded, account.budget_used_percent(connection)

        recorded, percent = self._database.run(record, seconds, in_transaction=True)
        extra = {"image_id": upload.id} | ({} if percent is None else {"budget_used_percent": percent})
        if isinstance(outcome, PausedError):
            logger.error("annotation is paused: %s", outcome, extra=extra | {"pause_cause": outcome.cause})
        elif not recorded:
            logger.info("the photo was deleted, replaced, edited or described meanwhile", extra=extra)
        elif isinstance(outcome, str):
            logger.info("no description: %s", outcome, extra=extra)
        else:
            logger.info("described a photo", extra=extra)

    def _release(self, upload: Upload, lease: datetime, account: PhotoAccount, end: float) -> None:
        """Release a lease and record the requests before `end`, a time of time.monotonic()."""

        def release(connection: Any) -> None:
            account.write(connection)
            pause.withdraw(connection, lease)
            leases.release(connection, upload.id, upload.etag, lease)

        try:
            with _until(end - 1):
                self._database.run(release, end - 1 - time.monotonic(), in_transaction=True)
        except (DatabaseUnavailableError, OutOfTimeError):
            logger.warning("could not release the lease; it will expire", extra={"image_id": upload.id})


def _until(moment: float) -> AbstractContextManager[None]:
    """Interrupt the block at `moment`, a time of time.monotonic()."""
    return time_limit(moment - time.monotonic())


def _wants_annotation(image: images.Image | None, upload: Upload) -> bool:
    """Tell whether a row is waiting for the annotation of this object."""
    return (
        image is not None
        and image.etag == upload.etag
        and (image.annotation_status == "pending" or image.reannotation is not None)
    )
