"""Lambda function that stores the thumbnail of each uploaded photo.

Permanent failures are recorded as the photo's state and acknowledged: a file that cannot be decoded or is too large, a
missing object. Everything else is raised, so that Lambda delivers the event again: an unreachable database, timeouts,
errors of S3, and bugs, unless the same one has repeatedly stopped the photo.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from typing import Any

from catalog import images
from catalog.bucket import Bucket, FileTooLargeError
from catalog.database import Database
from catalog.deadline import Context, time_limit
from catalog.events import process_uploads
from catalog.repeated_errors import failing_repeated_errors
from catalog.uploads import Upload
from imaging.decode import UnreadableImageError
from thumbnail.config import ThumbnailSettings
from thumbnail.resize import Resized, resize

logger = logging.getLogger(__name__)

# Seconds before the end of an invocation at which the function stops itself; Lambda would stop it without a log entry.
ENDING_SECONDS = 5.0


def handle(event: Mapping[str, Any], context: Context) -> None:
    """Make the thumbnails of the uploads that an event announces.

    Raises:
        ConfigurationError: a variable is missing.
        ValueError: the event has another form.
        ExceptionGroup: some uploads could not be processed; the others were.
    """
    thumbnails = thumbnailer()

    def process(image_id: str) -> None:
        with time_limit(context.get_remaining_time_in_millis() / 1000 - ENDING_SECONDS):
            thumbnails.process(image_id)

    process_uploads(event, thumbnails.bucket.name, process)


@cache
def thumbnailer() -> Thumbnailer:
    """Return the thumbnailer of this process; the first call reads its settings from the environment."""
    settings = ThumbnailSettings.from_environ(os.environ)
    return Thumbnailer(Bucket(settings.bucket_name), Database(settings))


class Thumbnailer:
    """Makes the thumbnails of the photos in one bucket."""

    def __init__(self, bucket: Bucket, database: Database) -> None:
        """Create a thumbnailer for all events of this process."""
        self.bucket = bucket
        self._database = database

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()

    def process(self, image_id: str, *, force: bool = False) -> None:
        """Make and record the thumbnail of an upload, or record why that failed; idempotent.

        Args:
            image_id: the photo; its object may be another version than the announced one.
            force: also replace a thumbnail of this version.

        Raises:
            catalog.database.DatabaseUnavailableError: try again later.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: S3 failed; try again later.
        """
        download = self.bucket.open_upload(image_id)
        if download is None:
            logger.warning("the upload is gone", extra={"image_id": image_id})
            # An earlier delivery may have been killed after it stored the thumbnail of a photo deleted meanwhile.
            self.bucket.delete_thumbnail(image_id)
            return
        upload = download.upload
        with closing(download):
            image = self._database.run(lambda connection: images.register(connection, upload))
            if image is None or image.etag != upload.etag:
                logger.info("the photo was deleted or replaced", extra={"image_id": image_id})
                return
            # A killed delivery may have stored the thumbnail of an older version.
            if image.thumbnail_status == "ready" and not force and self.bucket.thumbnail_etag(image_id) == upload.etag:
                return
            try:
                data = download.read()
            except FileTooLargeError as error:
                self._fail(upload, str(error))
                return
        with failing_repeated_errors(self._database, upload, "thumbnail"):
            try:
                resized = resize(data)
            except UnreadableImageError as error:
                self._fail(upload, str(error))
                return
            self._store(upload, resized)

    def _fail(self, upload: Upload, reason: str) -> None:
        logger.info("no thumbnail: %s", reason, extra={"image_id": upload.id})
        self._database.run(lambda connection: images.thumbnail_failed(connection, upload.id, upload.etag, reason))

    def _store(self, upload: Upload, resized: Resized) -> None:
        self.bucket.put_thumbnail(upload, resized.webp)
        recorded = self._database.run(
            lambda connection: images.thumbnail_ready(connection, upload.id, upload.etag, resized.thumbnail)
        )
        if recorded:
            logger.info("stored a thumbnail", extra={"image_id": upload.id})
        elif self._database.run(lambda connection: images.get(connection, upload.id)) is None:
            logger.info("the photo was deleted meanwhile", extra={"image_id": upload.id})
            self.bucket.delete_thumbnail(upload.id)
        else:  # replaced meanwhile: this thumbnail may have overwritten that of the newer version
            self.process(upload.id, force=True)
