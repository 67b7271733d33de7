"""Colours and transparency."""

import struct
import zlib

import pytest
from PIL import Image

from imaging.decode import decode
from imaging.stripped import MAX_PROFILE_BYTES
from support.corpus import profiles
from support.corpus.pngs import trns, written
from support.photos import SWAPPED_PROFILE, encoded, png, png_chunk
from unit.imaging.samples import colour


def half_transparent(mode: str) -> Image.Image:
    """Draw white on the left and, on the right, invisible black."""
    image = Image.new("LA", (128, 64), (255, 255))
    image.paste((0, 0), (65, 0, 128, 64))
    return image.convert(mode)


def half_transparent_by_name(mode: str) -> bytes:
    """Return a PNG with black on the right, which its tRNS chunk makes transparent."""
    image = Image.new("RGB", (128, 64), "white")
    image.paste("black", (65, 0, 128, 64))
    image = image.convert(mode) if mode != "P" else image.quantize(2)
    black = image.getpixel((127, 0))
    return encoded(image, "PNG", transparency=black)


@pytest.mark.parametrize(
    "data",
    [
        encoded(half_transparent("RGBA"), "PNG"),
        encoded(half_transparent("LA"), "PNG"),
        encoded(half_transparent("RGBA"), "WEBP"),
        encoded(half_transparent("RGBA"), "AVIF"),
        encoded(half_transparent("RGBA"), "HEIF"),
        encoded(half_transparent("RGBA"), "GIF"),
        half_transparent_by_name("RGB"),
        half_transparent_by_name("L"),
        half_transparent_by_name("P"),
    ],
    ids=["png", "grey png", "webp", "avif", "heic", "gif", "colour", "grey", "palette"],
)
def test_transparency_is_kept_and_hidden_colours_stay_hidden(data: bytes) -> None:
    image = decode(data, 32).image
    assert image.mode == "RGBA"
    assert colour(image, 0.1) == pytest.approx((255, 255, 255, 255), abs=16)
    assert colour(image, 0.9)[3] < 8
    edge = colour(image)
    assert edge[3] < 255
    assert edge[3] < 8 or min(edge[:3]) > 200


@pytest.mark.parametrize(
    ("depth", "row", "key"),
    [
        (1, bytes([0b01_000000]), 1),
        (2, bytes([0b0001_0000]), 1),
        (4, bytes([0x3C]), 0xC),
        (8, bytes([3, 200]), 200),
        (16, struct.pack(">2H", 0x1200, 0x1234), 0x1234),
    ],
)
def test_one_level_of_grey_may_be_transparent(depth: int, row: bytes, key: int) -> None:
    assert_only_the_second_is_transparent(png(2, 1, depth, 0, zlib.compress(b"\0" + row), trns(key)))


def test_one_colour_of_sixteen_bits_may_be_transparent() -> None:
    row = struct.pack(">6H", *[0x1234] * 3, *[0x5634] * 3)
    assert_only_the_second_is_transparent(png(2, 1, 16, 2, zlib.compress(b"\0" + row), trns(*[0x5634] * 3)))


def assert_only_the_second_is_transparent(two_pixels: bytes) -> None:
    image = decode(two_pixels, 2).image
    assert image.mode == "RGBA"
    assert list(image.getchannel("A").tobytes()) == [255, 0]


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    deep = Image.frombytes("I;16", (256, 1), struct.pack("<256H", *range(0, 65536, 256))).resize((256, 32), 0)
    image = decode(encoded(deep, "PNG"), 256).image
    assert image.mode == "RGB"
    assert [image.getpixel((x, 16)) for x in (0, 64, 128, 255)] == [(0,) * 3, (64,) * 3, (128,) * 3, (255,) * 3]


RED = Image.new("RGB", (64, 64), (255, 0, 0))
GREY = Image.new("L", (64, 64), 100)
# Decoders return these files as RGBA. A level of 100 in linear light is 169 in sRGB.
GREY_ALPHA = Image.new("LA", (64, 64), (100, 200))
LINEAR = png_chunk(b"iCCP", b"name\0\0" + zlib.compress(profiles.GREY))
CONVERTED = {
    "grey, alpha and a profile in a png of sixteen bits": (written(GREY_ALPHA, 16, LINEAR), (169, 169, 169, 200)),
    **{
        f"grey, alpha and a profile in {kind}": (
            encoded(GREY_ALPHA, kind, icc_profile=profiles.GREY),
            (169, 169, 169, 200),
        )
        for kind in ("AVIF", "HEIF")
    },
    "black and white": (
        encoded(Image.frombytes("1", (256, 256), (b"\xaa" * 32 + b"\x55" * 32) * 128), "PNG"),
        (128, 128, 128),
    ),
    "cmyk": (encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG"), (255, 0, 0)),
    **{
        f"{kind} with a profile": (encoded(RED, kind, icc_profile=SWAPPED_PROFILE), (0, 255, 0))
        for kind in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")
    },
    "transparent, with a profile": (
        encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 100)), "PNG", icc_profile=SWAPPED_PROFILE),
        (0, 255, 0, 100),
    ),
    "huge profile": (
        encoded(RED, "WEBP", icc_profile=SWAPPED_PROFILE.ljust(MAX_PROFILE_BYTES + 1, b"\0")),
        (255, 0, 0),
    ),
    **{
        f"{mode} with {name}": (encoded(GREY.convert(mode), "JPEG", icc_profile=profile), (100, 100, 100))
        for mode in ("L", "RGB", "CMYK")
        for name, profile in {"a bad profile": b"no profile", "half a profile": SWAPPED_PROFILE[:200]}.items()
    },
    **{
        f"a profile with a damaged {name}": (
            encoded(
                RED, "PNG", icc_profile=SWAPPED_PROFILE[:offset] + b"\x80\xff\0\x80" + SWAPPED_PROFILE[offset + 4 :]
            ),
            (255, 0, 0),
        )
        for name, offset in {"colour space": 16, "connection space": 20}.items()
    },
    "L with a profile for RGB": (encoded(GREY, "PNG", icc_profile=SWAPPED_PROFILE), (100, 100, 100)),
    "LA with a profile for RGB": (
        encoded(GREY.convert("LA"), "PNG", icc_profile=SWAPPED_PROFILE),
        (100, 100, 100, 255),
    ),
}


@pytest.mark.parametrize(("data", "expected"), CONVERTED.values(), ids=CONVERTED)
def test_colours_are_converted_to_srgb(data: bytes, expected: tuple[int, ...]) -> None:
    assert colour(decode(data, 32).image) == pytest.approx(expected, abs=4)
