"""How a photo is named and described in the bucket, and the events that announce one.

    uploads/<id>                  the file as it was uploaded
    thumbnails/<id>/512.webp      its thumbnail

The id is a version 7 UUID (RFC 9562), so ids sort by the time they were given out.
"""

import codecs
import json
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header
from typing import Any, Self
from urllib.parse import quote, unquote, unquote_plus
from uuid import UUID

logger = logging.getLogger(__name__)

UPLOADS = "uploads/"
THUMBNAILS = "thumbnails/"
MAX_BYTES = 50 * 1024**2
TOO_LARGE = f"The file has more than {MAX_BYTES // 1024**2} MiB. Make it smaller and upload it again."
MAX_FILENAME_CHARACTERS = 255
CONTENT_TYPES = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/gif",
    "image/avif",
    "image/heic",
    "image/heif",
)

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_id() -> str:
    """Return a fresh id: 48 bits of Unix time in milliseconds, then random bits (RFC 9562, 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    return str(UUID(int=(milliseconds << 80 | random) & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def lowest_id(moment: datetime) -> str:
    """Return a text that sorts before every id that is given out from a moment on, and after those given out before."""
    return str(UUID(int=int(moment.timestamp() * 1000) << 80))


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id."""
    return _ID.fullmatch(text) is not None


def upload_key(image_id: str) -> str:
    """Return the key under which the browser stores a photo."""
    return f"{UPLOADS}{image_id}"


def thumbnail_key(image_id: str) -> str:
    """Return the key of a photo's thumbnail, at most 512 pixels wide and high."""
    return f"{THUMBNAILS}{image_id}/512.webp"


def image_id(key: str) -> str | None:
    """Return the id that an upload's key carries, or None when it is not an upload of ours."""
    candidate = key.removeprefix(UPLOADS)
    return candidate if key.startswith(UPLOADS) and is_id(candidate) else None


def filename_metadata(filename: str) -> dict[str, str]:
    """Return the object metadata that keeps a file name of any characters: S3 metadata is ASCII."""
    return {"filename": quote(filename, safe="")}


FORM_FILENAME_METADATA = {"form-filename": "${filename}"}
"""Object metadata of a form without JavaScript: S3 fills in the name of the chosen file."""


@dataclass(frozen=True)
class Upload:
    """A photo as the bucket describes it, before anybody looked inside."""

    id: str
    filename: str
    content_type: str
    bytes: int
    etag: str
    uploaded_at: datetime

    @classmethod
    def from_object(cls, image_id: str, description: Mapping[str, Any]) -> Self:
        """Read what S3 answers to HeadObject or GetObject (boto3's response)."""
        return cls(
            id=image_id,
            filename=_filename(description.get("Metadata", {})),
            content_type=str(description.get("ContentType", "application/octet-stream"))[:100],
            bytes=description["ContentLength"],
            etag=description["ETag"].strip('"'),
            uploaded_at=description["LastModified"],
        )


def _filename(metadata: Mapping[str, str]) -> str:
    if "filename" in metadata:
        name = unquote(metadata["filename"])
    else:
        name = _form_filename(metadata.get("form-filename", ""))
    return clean_filename(name)


def _form_filename(header: str) -> str:
    """Return the name that a plain form sent. S3 answers RFC 2047 words or bare UTF-8, read as Latin-1 by HTTP.

    Words in any other charset than UTF-8 and Latin-1 are shown as they are: S3 writes none, and some charsets spell
    characters that no database stores.
    """
    with suppress(UnicodeError):
        header = header.encode("latin-1").decode()
    try:
        return "".join(
            word if isinstance(word, str) else word.decode(_charset(name), "replace")
            for word, name in decode_header(header)
        )
    except (MessageError, LookupError, ValueError):
        return header


def _charset(name: str | None) -> str:
    charset = codecs.lookup(name or "latin-1").name
    if charset not in ("utf-8", "iso8859-1", "ascii"):
        raise LookupError(f"a charset that S3 does not write: {charset}")
    return charset


# Control characters, marks of direction, and halves of characters: they would disturb the text around a name, or cannot
# be stored.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffd]"
)


def clean_filename(name: str) -> str:
    """Return a name fit to be shown and stored: without folders, control or direction characters and surrogates.

    It has at most 255 characters.
    """
    last = re.split(r"[/\\]", name)[-1]
    return _UNPRINTABLE.sub("", last).strip()[:MAX_FILENAME_CHARACTERS] or "untitled"


@dataclass(frozen=True)
class StoredObject:
    """An object that an event announces; `key` is decoded."""

    bucket: str
    key: str


def announced_objects(event: Mapping[str, Any]) -> list[StoredObject]:
    """Return the objects that a Lambda event announces: S3 notifications in SNS messages.

    S3 URL-encodes keys, and they are decoded here and nowhere else. The `s3:TestEvent` that S3 sends when a
    notification is configured announces nothing.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html

    Raises:
        ValueError: the event is something else.
    """
    try:
        notifications = [json.loads(record["Sns"]["Message"]) for record in event["Records"]]
        return [
            StoredObject(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))
            for notification in notifications
            if notification.get("Event") != "s3:TestEvent"
            for record in notification["Records"]
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an S3 notification in an SNS message: {error!r}") from error


def process_announced(event: Mapping[str, Any], process: Callable[[StoredObject], None]) -> None:
    """Process every object that a Lambda event announces; the failure of one does not keep the others waiting.

    Raises:
        ValueError: the event is something else.
        ExceptionGroup: some objects could not be processed now; the others are done.
    """
    failures: list[Exception] = []
    for stored in announced_objects(event):
        try:
            process(stored)
        except Exception as error:
            logger.exception("an upload could not be processed", extra={"image_id": image_id(stored.key)})
            failures.append(error)
    if failures:
        raise ExceptionGroup("some uploads could not be processed", failures)


def notification(stored: StoredObject) -> str:
    """Return the message by which S3 tells a topic of an object; for sending one again."""
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Post",
        "s3": {"bucket": {"name": stored.bucket}, "object": {"key": quote(stored.key)}},
    }
    return json.dumps({"Records": [record]})


def announcement(stored: StoredObject) -> dict[str, Any]:
    """Return the event by which a topic tells a function of an object; for starting one function again."""
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": notification(stored)}}]}
