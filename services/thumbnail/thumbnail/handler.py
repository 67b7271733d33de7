"""Lambda function that stores the thumbnail of each uploaded photo.

What can never succeed is recorded as the photo's state and acknowledged: `imaging.decode.UnreadableImageError`, a
file that is too large, an object that is gone. Everything else is raised, so that Lambda delivers the event again:
`catalog.database.DatabaseUnavailableError`, `catalog.deadline.OutOfTimeError`, errors of S3, and bugs, unless the same
one has stopped the photo some times before.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from catalog import images
from catalog.database import Database
from catalog.deadline import Context, time_limit
from catalog.repeated_errors import failing_repeated_errors
from catalog.uploads import (
    MAX_BYTES,
    TOO_LARGE,
    StoredObject,
    Upload,
    image_id,
    process_announced,
    thumbnail_key,
    upload_key,
)
from imaging.decode import UnreadableImageError
from thumbnail.config import ThumbnailSettings
from thumbnail.resize import Resized, resize

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

S3_CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})

# Not longer: a photo can be replaced under its key for as long as its upload form is valid.
CACHE_CONTROL = "private, max-age=3600"

UPLOAD_ETAG = "upload-etag"
"""Metadata of a thumbnail: the etag of the object that it shows."""

# What is left of an invocation when it ends by itself, before Lambda stops it without a word.
ENDING_SECONDS = 5.0


def handle(event: Mapping[str, Any], context: Context) -> None:
    """Make the thumbnails of the uploads that an event announces.

    Raises:
        ConfigurationError: the environment lacks a variable.
        ValueError: the event announces something else.
        ExceptionGroup: some objects could not be processed now; the others are done.
    """
    photos = thumbnailer()

    def process(stored: StoredObject) -> None:
        with time_limit(context.get_remaining_time_in_millis() / 1000 - ENDING_SECONDS):
            photos.process(stored)

    process_announced(event, process)


@cache
def thumbnailer() -> Thumbnailer:
    """Return the one of this process, configured by the environment on first use."""
    settings = ThumbnailSettings.from_environ(os.environ)
    return Thumbnailer(settings.bucket_name, boto3.client("s3", config=S3_CONFIG), Database(settings))


class Thumbnailer:
    """Makes the thumbnails of the photos in one bucket."""

    def __init__(self, bucket: str, s3: S3Client, database: Database) -> None:
        """Keep what all photos have in common."""
        self._bucket = bucket
        self._s3 = s3
        self._database = database

    def process(self, stored: StoredObject) -> None:
        """Make the thumbnail of an announced object and record it, or why there is none. Safe to repeat.

        Raises:
            catalog.database.DatabaseUnavailableError: try again later.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: S3 does not serve us; try again later.
        """
        photo = image_id(stored.key)
        if stored.bucket != self._bucket or photo is None:
            logger.warning("ignored an object that is not an upload")
            return
        self._make(photo)

    def _make(self, photo: str, *, anew: bool = False) -> None:
        """Make a photo's thumbnail from the object that is there now; `anew` also when it seems to have one."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=upload_key(photo))
        except self._s3.exceptions.NoSuchKey:
            logger.warning("the upload is gone", extra={"image_id": photo})
            # An earlier delivery may have been killed after it had stored the thumbnail of a photo deleted meanwhile.
            self._s3.delete_object(Bucket=self._bucket, Key=thumbnail_key(photo))
            return
        with closing(found["Body"]) as body:
            upload = Upload.from_object(photo, found)
            image = self._database.run(lambda connection: images.register(connection, upload))
            if image is None or image.etag != upload.etag:
                logger.info("the photo was deleted or replaced", extra={"image_id": photo})
                return
            if image.thumbnail_status == "ready" and not anew and self._is_stored(upload):
                return
            if upload.bytes > MAX_BYTES:
                self._fail(upload, TOO_LARGE)
                return
            data = body.read()
        with failing_repeated_errors(self._database, upload, "thumbnail"):
            try:
                resized = resize(data)
            except UnreadableImageError as error:
                self._fail(upload, str(error))
                return
            self._store(upload, resized)

    def _is_stored(self, upload: Upload) -> bool:
        """Tell whether the thumbnail shows this object: a killed delivery may have stored that of an older one."""
        try:
            found = self._s3.head_object(Bucket=self._bucket, Key=thumbnail_key(upload.id))
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return False
            raise
        return found["Metadata"].get(UPLOAD_ETAG) == upload.etag

    def _fail(self, upload: Upload, reason: str) -> None:
        logger.info("no thumbnail: %s", reason, extra={"image_id": upload.id})
        self._database.run(lambda connection: images.thumbnail_failed(connection, upload.id, upload.etag, reason))

    def _store(self, upload: Upload, resized: Resized) -> None:
        key = thumbnail_key(upload.id)
        self._s3.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=resized.webp,
            ContentType="image/webp",
            CacheControl=CACHE_CONTROL,
            Metadata={UPLOAD_ETAG: upload.etag},
        )
        recorded = self._database.run(
            lambda connection: images.thumbnail_ready(connection, upload.id, upload.etag, resized.thumbnail)
        )
        if recorded:
            logger.info("stored a thumbnail", extra={"image_id": upload.id})
        elif self._database.run(lambda connection: images.get(connection, upload.id)) is None:
            logger.info("the photo was deleted meanwhile", extra={"image_id": upload.id})
            self._s3.delete_object(Bucket=self._bucket, Key=key)
        else:  # replaced meanwhile: what we stored may have overwritten the newer photo's thumbnail
            self._make(upload.id, anew=True)
