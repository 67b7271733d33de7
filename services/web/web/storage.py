"""Presigned forms and URLs, with which browsers upload photos to S3 and load them from there.

The files never pass through this process.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from botocore.exceptions import NoCredentialsError
from werkzeug.http import dump_options_header

from catalog.bucket import WEB_CONFIG, Bucket
from catalog.filenames import FORM_FILENAME_METADATA, clean_filename, filename_metadata
from catalog.keys import thumbnail_key, upload_key
from catalog.limits import MAX_BYTES
from web.schemas import UploadForm

if TYPE_CHECKING:
    from boto3 import Session

FORM_SECONDS = 3600
WINDOW_SECONDS = 3600
MAX_CACHED_URLS = 10_000
Period = tuple[int, str | None]
"""The time in which URLs stay the same: its number, and the key that signs them."""
MAX_METADATA_BYTES = 1800
"""S3 allows 2 KB of metadata, names included.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html"""


class Storage(Bucket):
    """The bucket with presigned forms and URLs. Thread-safe."""

    def __init__(self, session: Session, bucket: str) -> None:
        """Create a client; endpoint and region come from the environment."""
        super().__init__(bucket, session.client("s3", config=WEB_CONFIG))
        self._credentials = session.get_credentials()
        self._cached_url = lru_cache(MAX_CACHED_URLS)(self._sign)

    @cached_property
    def origin(self) -> str:
        """The origin of presigned forms and URLs: scheme://host[:port]."""
        parts = urlsplit(self.thumbnail_url(""))
        return f"{parts.scheme}://{parts.netloc}"

    def thumbnail_url(self, image_id: str) -> str:
        """Return a URL of the thumbnail that is the same for up to an hour, and valid for another hour."""
        return self._url(thumbnail_key(image_id))

    def picture_url(self, image_id: str, filename: str, content_type: str) -> str:
        """Return a URL that shows the original in the browser, with this type."""
        return self._url(upload_key(image_id), content_type, _disposition("inline", filename))

    def download_url(self, image_id: str, filename: str) -> str:
        """Return a URL that downloads the original with its name."""
        return self._url(upload_key(image_id), "application/octet-stream", _disposition("attachment", filename))

    def upload_form(self, image_id: str, filename: str, content_type: str) -> UploadForm:
        """Return a form for one file of this type, for scripts."""
        metadata = filename_metadata(fit_metadata(filename))
        fields = {"Content-Type": content_type, **_metadata_fields(metadata)}
        return self._form(image_id, fields, [{name: value} for name, value in fields.items()])

    def plain_upload_form(self, image_id: str, redirect_to: str) -> UploadForm:
        """Return a form for one file of any type, which redirects to the absolute URL `redirect_to`."""
        fixed = {"Content-Type": "application/octet-stream", "success_action_redirect": redirect_to}
        metadata = _metadata_fields(FORM_FILENAME_METADATA)
        conditions: list[Any] = [{name: value} for name, value in fixed.items()]
        conditions += [["starts-with", f"${name}", ""] for name in metadata]
        return self._form(image_id, {**fixed, **metadata}, conditions)

    def _form(self, image_id: str, fields: Mapping[str, str], conditions: list[Any]) -> UploadForm:
        form = self._client.generate_presigned_post(
            self.name,
            upload_key(image_id),
            Fields=dict(fields),
            Conditions=[*conditions, ["content-length-range", 1, MAX_BYTES]],
            ExpiresIn=FORM_SECONDS,
        )
        return UploadForm(id=image_id, url=form["url"], fields=form["fields"])

    def period(self) -> Period:
        """Return the current period. What contains a URL is out of date in the next one."""
        if self._credentials is None:
            raise NoCredentialsError
        # A URL expires with the credentials that signed it, so new credentials need new URLs.
        return int(time.time() / WINDOW_SECONDS), self._credentials.get_frozen_credentials().access_key

    def _url(self, key: str, content_type: str = "", disposition: str = "") -> str:
        return self._cached_url(key, content_type, disposition, self.period())

    def _sign(self, key: str, content_type: str, disposition: str, _: Period) -> str:
        # Signing takes 0.15 ms, and browsers load the picture again if its URL changes.
        parameters = {"Bucket": self.name, "Key": key}
        if content_type:
            parameters["ResponseContentType"] = content_type
        if disposition:
            parameters["ResponseContentDisposition"] = disposition
        return self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=2 * WINDOW_SECONDS)


def fit_metadata(filename: str) -> str:
    """Return a clean file name with a stem short enough for percent-encoded object metadata."""
    name = clean_filename(filename)
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 10:
        stem, dot, extension = name, "", ""
    while len(quote(stem + dot + extension, safe="")) > MAX_METADATA_BYTES:
        stem = stem[:-1]
    return stem + dot + extension


def _metadata_fields(metadata: Mapping[str, str]) -> dict[str, str]:
    return {f"x-amz-meta-{name}": value for name, value in metadata.items()}


def _disposition(kind: str, filename: str) -> str:
    # RFC 6266: an ASCII name for old browsers, and the real one.
    plain = filename.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_").replace("\\", "_")
    return dump_options_header(kind, {"filename": plain, "filename*": f"UTF-8''{quote(filename, safe='')}"})
