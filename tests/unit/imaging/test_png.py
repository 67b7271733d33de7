"""PNGs with complete pixels and damage elsewhere.

Most cases of test_png.py and test_jpeg.py are from reports to python-pillow/Pillow: #630, #2038, #3185, #3319, #4852,
#5631, #5672, #6843, #7817 and #7879.
"""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imaging.decode import decode
from imaging.stripped import MAX_PROFILE_BYTES
from support.corpus.pngs import written
from support.photos import SWAPPED_PROFILE, encoded, exif, png_chunk, scene
from unit.imaging.samples import assert_rejected, assert_same_picture, colour, patched

SCENE = scene(200, 150)
PNG = encoded(SCENE, "PNG")
HEADER_END = 33
TEXT = zlib.compress(b"text")
ANCILLARY = {
    b"acTL": b"\0\0\0\x02\0\0\0\0",
    b"bKGD": b"\0\0\0\0\0\0",
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
    b"cICP": b"\x01\x0d\0\x01",
    b"eXIf": exif(6).removeprefix(b"Exif\0\0"),
    b"fcTL": struct.pack(">5I2H2B", 0, 200, 150, 0, 0, 1, 10, 0, 0),
    b"gAMA": struct.pack(">I", 45455),
    b"hIST": b"\0\1",
    b"iCCP": b"name\0\0" + zlib.compress(b"no profile"),
    b"iTXt": b"Comment\0\1\0en\0\0" + TEXT,
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"sBIT": b"\x08\x08\x08",
    b"sRGB": b"\0",
    b"tEXt": b"Comment\0text",
    b"tIME": b"\x07\xe8\1\1\0\0\0",
    b"tRNS": b"\0\1\0\1\0\1",
    b"zTXt": b"Comment\0\0" + TEXT,
    b"prVt": b"private",
    b"s\1IT": b"invalid name",
}


def with_chunk(chunk: bytes, data: bytes = PNG) -> bytes:
    return data[:HEADER_END] + chunk + data[HEADER_END:]


def with_wrong_checksum(chunk: bytes) -> bytes:
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


@pytest.mark.parametrize("kind", ANCILLARY)
def test_metadata_with_a_wrong_checksum_are_ignored(kind: bytes) -> None:
    assert_same_picture(with_chunk(with_wrong_checksum(png_chunk(kind, ANCILLARY[kind]))), PNG)


@pytest.mark.parametrize("length", [0, 1, 3])
@pytest.mark.parametrize("kind", ANCILLARY)
def test_truncated_metadata_are_ignored(kind: bytes, length: int) -> None:
    assert_same_picture(with_chunk(png_chunk(kind, ANCILLARY[kind][:length])), PNG)


LONG_TEXT = b"x" * 1_800_000
EXPANDING = zlib.compress(bytes(64 * 2**20), 9)
UNUSUAL = {
    "unknown compression of a profile": (b"iCCP", b"name\0\1" + zlib.compress(b"profile")),
    "long tEXt": (b"tEXt", b"Comment\0" + LONG_TEXT),
    "long zTXt": (b"zTXt", b"Comment\0\0" + zlib.compress(LONG_TEXT)),
    "long iTXt": (b"iTXt", b"Comment\0\1\0en\0\0" + zlib.compress(LONG_TEXT)),
    "expanding zTXt": (b"zTXt", b"name\0\0" + EXPANDING),
    "expanding iCCP": (b"iCCP", b"name\0\0" + EXPANDING),
}


@pytest.mark.parametrize(("kind", "content"), UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_metadata_are_ignored(kind: bytes, content: bytes) -> None:
    assert_same_picture(with_chunk(png_chunk(kind, content)), PNG)


@given(kind=st.sampled_from(sorted(ANCILLARY)), content=st.binary(max_size=40), is_sound=st.booleans())
@settings(deadline=None, max_examples=150)
def test_no_content_of_an_ancillary_chunk_breaks_a_png(kind: bytes, content: bytes, is_sound: bool) -> None:
    chunk = png_chunk(kind, content)
    assert decode(with_chunk(chunk if is_sound else with_wrong_checksum(chunk)), 512).width in (200, 150)


def test_a_large_profile_is_used() -> None:
    profile = SWAPPED_PROFILE.ljust(1_500_000, b"\0")
    assert len(profile) < MAX_PROFILE_BYTES
    red = encoded(Image.new("RGB", (8, 8), "red"), "PNG")
    shown = decode(with_chunk(png_chunk(b"iCCP", b"name\0\0" + zlib.compress(profile)), red), 8).image
    assert colour(shown) == pytest.approx((0, 255, 0), abs=16)


# --- pixels


PNGS = {
    "interlaced": written(SCENE.convert("L"), 8, interlaced=True),
    "colour": PNG,
    "transparent": encoded(Image.merge("RGBA", (*SCENE.split(), Image.new("L", SCENE.size, 128))), "PNG"),
    "grey": encoded(SCENE.convert("L"), "PNG"),
    "palette": encoded(SCENE.quantize(16), "PNG"),
    "black and white": encoded(SCENE.convert("1"), "PNG"),
}


def pixels_end(data: bytes) -> int:
    """Return where the coded pixels end: before the checksum of zlib, of the chunk, and the end chunk of 12 bytes."""
    return len(data) - 4 - 4 - 12


@pytest.mark.parametrize("kept", [0, 2, 4, 6, 8, 12, 19])
@pytest.mark.parametrize("name", PNGS)
def test_everything_after_the_pixels_may_be_missing(name: str, kept: int) -> None:
    data = PNGS[name]
    assert_same_picture(data[: pixels_end(data) + kept], data)


@pytest.mark.parametrize("name", PNGS)
def test_the_checksum_of_the_pixels_may_be_wrong(name: str) -> None:
    data, end = PNGS[name], pixels_end(PNGS[name])
    assert_same_picture(patched(data, end, bytes([data[end] ^ 0xFF])), data)


@pytest.mark.parametrize("missing", [4, 30, 1000])
@pytest.mark.parametrize("name", PNGS)
def test_a_png_without_its_last_pixels_is_rejected(name: str, missing: int) -> None:
    data = PNGS[name]
    start = data.index(b"IDAT") + 4
    pixels = data[start : max(start + 2, pixels_end(data) - missing)]
    assert_rejected(data[: start + len(pixels)])
    assert_rejected(data[: start - 8] + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b""))


def test_metadata_may_split_the_pixels() -> None:
    start, end = PNG.index(b"IDAT") + 4, len(PNG) - 16
    pixels = PNG[start:end]
    parts = png_chunk(b"IDAT", pixels[:500]) + png_chunk(b"tEXt", b"a\0b") + png_chunk(b"IDAT", pixels[500:])
    assert_same_picture(PNG[: start - 8] + parts + PNG[-12:], PNG)
