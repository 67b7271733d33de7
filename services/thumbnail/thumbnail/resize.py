"""Makes a thumbnail from the bytes of an upload, without I/O."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from catalog.images import Thumbnail
from imaging.decode import decode

BOX = 512
QUALITY = 80
METHOD = 2  # WebP effort: 4 takes twice as long and saves 3 % of the bytes

# The data: URI has 0.2 KB for most photos, and at most 0.6 KB even for noise with transparency. Pages show it blurred.
PLACEHOLDER_BOX = 16
PLACEHOLDER_QUALITY = 40


@dataclass(frozen=True)
class Resized:
    """A thumbnail as a WebP file without metadata, and what the catalog stores about it."""

    webp: bytes
    thumbnail: Thumbnail


def resize(data: bytes) -> Resized:
    """Return the thumbnail of an image file: upright, at most BOX pixels wide and high, with its transparency.

    Raises:
        imaging.decode.UnreadableImageError: the file is not an image that can be shown.
    """
    picture = decode(data, BOX)
    thumbnail = Thumbnail(picture.width, picture.height, picture.content_type, _placeholder(picture.image))
    return Resized(_webp(picture.image, quality=QUALITY), thumbnail)


def _placeholder(image: Image.Image) -> str:
    """Return a data: URI of a preview that is small enough to be part of the page."""
    tiny = image.copy()
    tiny.thumbnail((PLACEHOLDER_BOX, PLACEHOLDER_BOX))
    webp = _webp(tiny, quality=PLACEHOLDER_QUALITY, alpha_quality=PLACEHOLDER_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"


def _webp(image: Image.Image, **options: int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "WEBP", method=METHOD, **options)
    return buffer.getvalue()
