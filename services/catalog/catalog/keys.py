"""Image ids and the keys of an image's objects in the bucket.

    uploads/<id>                  the uploaded file
    thumbnails/<id>/512.webp      its thumbnail

An id is a version 7 UUID (RFC 9562), so ids sort by creation time.
"""

import os
import re
import time
from datetime import UTC, datetime
from uuid import UUID

UPLOADS = "uploads/"
THUMBNAILS = "thumbnails/"

ID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def new_id() -> str:
    """Return a new id: 48 bits of Unix time in milliseconds, then random bits (RFC 9562, 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    return str(UUID(int=(milliseconds << 80 | random) & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def lowest_id(moment: datetime) -> str:
    """Return a string that sorts after every id created before a moment, and before every later id."""
    return str(UUID(int=int(moment.timestamp() * 1000) << 80))


def moment_of(image_id: str) -> datetime:
    """Return when an id was created."""
    return datetime.fromtimestamp((UUID(image_id).int >> 80) / 1000, UTC)


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id."""
    return re.fullmatch(ID_PATTERN, text) is not None


def upload_key(image_id: str) -> str:
    """Return the key of the uploaded file."""
    return f"{UPLOADS}{image_id}"


def thumbnail_key(image_id: str) -> str:
    """Return the key of the thumbnail, which is at most 512 pixels wide and high."""
    return f"{THUMBNAILS}{image_id}/512.webp"


def parse_upload_key(key: str) -> str | None:
    """Return the image id in the key of an upload; None if the key has another form."""
    candidate = key.removeprefix(UPLOADS)
    return candidate if key.startswith(UPLOADS) and is_id(candidate) else None
