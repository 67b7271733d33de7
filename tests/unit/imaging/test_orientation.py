"""Turned photos, and damaged EXIF metadata."""

import struct

import pytest
from PIL import ExifTags, Image

from imaging.decode import Picture, decode
from support.corpus.sample import STORED, quarters, stored
from support.photos import encoded, exif
from unit.imaging.samples import SCENE, colour

CORNERS = {(0.1, 0.1): (255, 0, 0), (0.9, 0.1): (0, 255, 0), (0.1, 0.9): (0, 0, 255), (0.9, 0.9): (255, 255, 255)}


def four_corners(orientation: int = 1) -> Image.Image:
    """Draw a picture with one colour in each quarter, as a camera stores it."""
    return stored(quarters(96, 64), orientation)


def assert_upright(picture: Picture) -> None:
    assert (picture.width, picture.height) == (96, 64)
    assert picture.image.size == (48, 32)
    for place, expected in CORNERS.items():
        assert colour(picture.image, *place) == pytest.approx(expected, abs=40)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_a_turned_photo_comes_out_upright(kind: str, orientation: int) -> None:
    assert_upright(decode(encoded(four_corners(orientation), kind, exif=exif(orientation)), 48))


UNUSED_TAG = 0x0113
UNUSED_ENTRY, ORIENTATION_ENTRY = (struct.pack(">HHI", tag, 3, 1) for tag in (UNUSED_TAG, ExifTags.Base.Orientation))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_the_orientation_of_a_container_overrides_its_exif(kind: str, orientation: int) -> None:
    # The encoders move the orientation from EXIF to the container, so a second one is added under another name.
    two = Image.Exif()
    two[ExifTags.Base.Orientation] = orientation
    two[UNUSED_TAG] = 8
    data = encoded(four_corners(orientation), kind, exif=two.tobytes())
    assert data.count(UNUSED_ENTRY) == 1
    assert_upright(decode(data.replace(UNUSED_ENTRY, ORIENTATION_ENTRY), 48))


@pytest.mark.parametrize("metadata", [exif(9), exif(0), exif(6)[:-9], b"Exif\0\0", b"Exif\0\0" + b"\xff" * 60_000])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_is_ignored(kind: str, metadata: bytes) -> None:
    assert_upright(decode(encoded(four_corners(), kind, exif=metadata), 48))


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<HHII", 0x011A, 5, 1, 0xFFFFFFFF),
        struct.pack("<HHII", 0x010F, 2, 0xFFFFFFFF, 8),
        struct.pack("<HHII", 0x0100, 99, 1, 0),
        struct.pack("<HHII", 0x8769, 4, 1, 0xFFFFFFFF),
    ],
    ids=["resolution", "endless text", "unknown type", "directory"],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_turned_even_if_another_entry_is_damaged(kind: str, entry: bytes) -> None:
    metadata = exif(6, entry, order="<")[:-4] + b"\xff\xff\xff\xff"  # the next directory is out of range, too
    assert decode(encoded(SCENE, kind, exif=metadata), 512).image.size == (80, 120)
