"""Sample files of every format, and assertions about decoded pictures."""

from __future__ import annotations

import pytest
from PIL import Image

from imaging.decode import UnreadableImageError, decode
from support.photos import SRGB, difference, encoded, exif, scene

SCENE = scene(120, 80)
ALPHA = SCENE.copy()
ALPHA.putalpha(Image.linear_gradient("L").resize(SCENE.size))

# Every format, and the variants that take other paths through their decoders.
SAMPLES = {
    "jpeg": encoded(SCENE, "JPEG"),
    "progressive jpeg": encoded(SCENE, "JPEG", progressive=True),
    "cmyk jpeg": encoded(SCENE.convert("CMYK"), "JPEG"),
    "described jpeg": encoded(SCENE, "JPEG", exif=exif(1), icc_profile=SRGB, comment=b"A beach"),
    "grey jpeg": encoded(SCENE.convert("L"), "JPEG"),
    "png": encoded(SCENE, "PNG"),
    "palette png": encoded(SCENE.quantize(32), "PNG"),
    "webp": encoded(SCENE, "WEBP"),
    "described png": encoded(SCENE, "PNG", exif=exif(1), icc_profile=SRGB),
    "lossless webp": encoded(SCENE, "WEBP", lossless=True),
    "transparent webp": encoded(ALPHA, "WEBP"),
    "gif": encoded(SCENE, "GIF"),
    "avif": encoded(SCENE, "AVIF"),
    "transparent avif": encoded(ALPHA, "AVIF"),
    "heic": encoded(SCENE, "HEIF"),
}


def colour(image: Image.Image, x: float = 0.5, y: float = 0.5) -> tuple[int, ...]:
    """Return the pixel at a fraction of the width and height."""
    pixel = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    return pixel


def patched(data: bytes, position: int, new: bytes) -> bytes:
    """Return a file with some bytes replaced."""
    return data[:position] + new + data[position + len(new) :]


def assert_same_picture(damaged: bytes, sound: bytes) -> None:
    """Check that two files show the same picture."""
    assert difference(decode(damaged, 512).image, decode(sound, 512).image) == 0


def assert_rejected(data: bytes) -> None:
    """Check that a file is rejected as damaged."""
    with pytest.raises(UnreadableImageError, match="damaged, incomplete"):
        decode(data, 512)
