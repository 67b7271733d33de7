"""The bucket of photos: the only code that calls S3.

Methods return None for a missing object. They raise botocore.exceptions.BotoCoreError or ClientError when S3 fails;
that is worth another try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from catalog.keys import UPLOADS, lowest_id, parse_upload_key, thumbnail_key, upload_key
from catalog.limits import MAX_BYTES, TOO_LARGE
from catalog.uploads import Upload

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

Response = TypeVar("Response")

FUNCTION_CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
# Signed addresses must be regional and virtual-hosted: S3 redirects a form sent to the global address, and browsers do
# not follow redirects across origins. The short timeouts keep a slow S3 from blocking all threads.
WEB_CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "virtual"},
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
)

# Not longer: a photo can be replaced under its key while its upload form is valid.
CACHE_CONTROL = "private, max-age=3600"

UPLOAD_ETAG = "upload-etag"
"""Metadata of a thumbnail: the etag of the upload it was made from."""


class FileTooLargeError(Exception):
    """The upload has more than MAX_BYTES. The message is a failure reason for users."""


@dataclass(frozen=True)
class Download:
    """An upload whose file has not been read yet. The caller must close it."""

    upload: Upload
    body: StreamingBody

    def read(self) -> bytes:
        """Return the file.

        Raises:
            FileTooLargeError: the file is too large; nothing was read.
        """
        if self.upload.bytes > MAX_BYTES:
            raise FileTooLargeError(TOO_LARGE)
        return self.body.read()

    def close(self) -> None:
        """Close the response."""
        self.body.close()


class Bucket:
    """Uploads and thumbnails in one bucket. Safe to share between threads."""

    def __init__(self, name: str, client: S3Client | None = None) -> None:
        """Use a client; by default one with the time limits of a Lambda function."""
        self.name = name
        self._client: S3Client = client or boto3.client("s3", config=FUNCTION_CONFIG)

    def find_upload(self, image_id: str) -> Upload | None:
        """Describe an upload."""
        found = self._call(self._client.head_object, upload_key(image_id))
        return Upload.from_object(image_id, found) if found else None

    def open_upload(self, image_id: str) -> Download | None:
        """Open an upload for reading."""
        found = self._call(self._client.get_object, upload_key(image_id))
        return Download(Upload.from_object(image_id, found), found["Body"]) if found else None

    def upload_etags(self, created_since: datetime, modified_before: datetime) -> Iterator[dict[str, str]]:
        """Yield the etags of uploads by image id, one page of the listing at a time."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=UPLOADS, StartAfter=upload_key(lowest_id(created_since))
        )
        for page in pages:
            yield {
                image_id: stored["ETag"].strip('"')
                for stored in page.get("Contents", [])
                if stored["LastModified"] < modified_before and (image_id := parse_upload_key(stored["Key"]))
            }

    def thumbnail_etag(self, image_id: str) -> str | None:
        """Return the etag of the upload from which the stored thumbnail was made."""
        found = self._call(self._client.head_object, thumbnail_key(image_id))
        return found["Metadata"].get(UPLOAD_ETAG) if found else None

    def put_thumbnail(self, upload: Upload, webp: bytes) -> None:
        """Store the thumbnail of an upload."""
        self._client.put_object(
            Bucket=self.name,
            Key=thumbnail_key(upload.id),
            Body=webp,
            ContentType="image/webp",
            CacheControl=CACHE_CONTROL,
            Metadata={UPLOAD_ETAG: upload.etag},
        )

    def delete_thumbnail(self, image_id: str) -> None:
        """Delete a thumbnail; idempotent."""
        self._client.delete_object(Bucket=self.name, Key=thumbnail_key(image_id))

    def delete(self, image_id: str) -> None:
        """Delete an upload and its thumbnail; idempotent."""
        self._client.delete_object(Bucket=self.name, Key=upload_key(image_id))
        self.delete_thumbnail(image_id)

    def _call(self, operation: Callable[..., Response], key: str) -> Response | None:
        try:
            return operation(Bucket=self.name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):  # HeadObject has no body that names the error
                return None
            raise
