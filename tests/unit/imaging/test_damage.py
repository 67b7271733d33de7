"""Pictures whose pixels are complete although something else in the file is wrong.

Most cases are from reports to python-pillow/Pillow: #630, #2038, #3185, #3319, #4852, #5631, #5672, #6843, #7817 and
#7879.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageStat

from imaging.decode import UnreadableImageError, decode
from imaging.stripped import MAX_PROFILE_BYTES
from support.photos import encoded, png_chunk, scene

SCENE = scene(200, 150)
PICTURES = Path(__file__).parents[2] / "pictures"
ADOBE_RGB_LIKE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of the channels as people see them, on white and on black, 0 to 255."""
    assert one.size == other.size
    differences = []
    for background in ("white", "black"):
        shown = []
        for image in (one, other):
            ground = Image.new("RGBA", image.size, background)
            shown.append(Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB"))
        differences.append(sum(ImageStat.Stat(ImageChops.difference(*shown)).mean) / 3)
    return max(differences)


def assert_same_picture(damaged: bytes, sound: bytes) -> None:
    assert difference(decode(damaged, 512).image, decode(sound, 512).image) == 0


def assert_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImageError, match="damaged, incomplete"):
        decode(data, 512)


@pytest.mark.parametrize("expected", sorted(PICTURES.glob("*.expected.png")), ids=lambda path: path.name.split(".")[0])
def test_a_file_that_people_have_looks_as_in_a_browser(expected: Path) -> None:
    (file,) = PICTURES.glob(f"{expected.name.split('.')[0]}.[!e]*")
    assert difference(decode(file.read_bytes(), 512).image, Image.open(expected)) < 6


# --- JPEG

JPEGS = {
    "baseline": encoded(SCENE, "JPEG"),
    "without subsampling": encoded(SCENE, "JPEG", subsampling=0),
    "progressive": encoded(SCENE, "JPEG", progressive=True),
    "grey": encoded(SCENE.convert("L"), "JPEG"),
    "cmyk": encoded(SCENE.convert("CMYK"), "JPEG"),
    "restart markers": encoded(SCENE, "JPEG", restart_marker_rows=1),
    "reduced": encoded(scene(2000, 1500), "JPEG"),
}
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\xff\xc4\0\x04\0\0\xff\xda\0\x08" + bytes(range(256)) * 20
TRAILERS = {
    "zeros": bytes(5000),
    "end of line": b"\r\n",
    "text": b"SEFH\x6a\0\0\0\x01\0\0\0\0\0\x30\x0a" + b"Image_UTC_Data1609459200000" + b"\x24\0\0\0SEFT",
    "video": MP4,
    "another jpeg": encoded(scene(64, 48), "JPEG"),
    "half a marker": b"\xff",
    "reserved marker": b"\xff\x02\xff\xbf\0\x10" + b"x" * 40,
    "segment beyond the end": b"\xff\xe1\xff\xff",
}


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_may_lack_its_end_marker(name: str) -> None:
    assert_same_picture(JPEGS[name].removesuffix(b"\xff\xd9"), JPEGS[name])


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("name", ["baseline", "grey", "restart markers", "reduced"])
def test_something_else_may_follow_a_jpeg_without_end_marker(name: str, trailer: str) -> None:
    assert_same_picture(JPEGS[name].removesuffix(b"\xff\xd9") + TRAILERS[trailer], JPEGS[name])


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("name", JPEGS)
def test_something_else_may_follow_a_jpeg(name: str, trailer: str) -> None:
    assert_same_picture(JPEGS[name] + TRAILERS[trailer], JPEGS[name])


@pytest.mark.parametrize("missing", [3, 20, 300, 2000])
@pytest.mark.parametrize("name", [name for name in JPEGS if name != "reduced"])
def test_a_jpeg_whose_last_pixels_are_missing_is_refused(name: str, missing: int) -> None:
    assert_refused(JPEGS[name].removesuffix(b"\xff\xd9")[:-missing])


def segment(marker: int, content: bytes, length: int | None = None) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2 if length is None else length) + content


SEGMENTS = {
    "short jfif": segment(0xE0, b"JFIF\0"),
    "second jfif": segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
    "jfif extension": segment(0xE0, b"JFXX\0\x10"),
    "empty segment": segment(0xE1, b""),
    "empty exif": segment(0xE1, b"Exif\0\0"),
    "exif with half a header": segment(0xE1, b"Exif\0\0II*"),
    "exif that points nowhere": segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "exif that points to itself": segment(0xE1, b"Exif\0\0II*\0\0\0\0\0"),
    "exif that is no tiff": segment(0xE1, b"Exif\0\0http://ns.adobe.com/xap/1.0/"),
    "xmp that is no xml": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<"),
    "fragment of a profile": segment(0xE2, b"ICC_PROFILE\0\2\5" + b"x" * 50),
    "short profile": segment(0xE2, b"ICC_PROFILE\0\1\1"),
    "index of further pictures that is none": segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
    "flashpix": segment(0xE2, b"FPXR\0"),
    "photoshop resources cut off": segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10"),
    "short adobe": segment(0xEE, b"Adobe"),
    "comment": segment(0xFE, b"\xff\xfe not text"),
    "junk between segments": b"\0\0junk\0",
    "fill bytes": b"\xff\xff\xff",
    "temporary marker": b"\xff\x01",
    "length of zero": segment(0xEC, b"", 0),
    "length of one": segment(0xEC, b"", 1),
    "length beyond the end": segment(0xEC, b"", 0xFFFF),
    "largest metadata": b"".join(
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(65000)) for _ in range(30)
    ),
}


@pytest.mark.parametrize("metadata", SEGMENTS)
@pytest.mark.parametrize("name", ["baseline", "progressive", "grey"])
def test_damaged_metadata_do_not_spoil_a_jpeg(name: str, metadata: str) -> None:
    data = JPEGS[name]
    behind_first = data.index(b"\xff\xdb")
    assert_same_picture(data[:behind_first] + SEGMENTS[metadata] + data[behind_first:], data)
    if SEGMENTS[metadata].startswith(b"\xff"):
        assert_same_picture(data[:2] + SEGMENTS[metadata] + data[2:], data)


def turned_exif(*before: bytes) -> bytes:
    """Return EXIF metadata that turn the picture, whose other entries come first."""
    entries = [*before, struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)]
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<HHII", 0x011A, 5, 1, 0xFFFFFFFF),
        struct.pack("<HHII", 0x010F, 2, 0xFFFFFFFF, 8),
        struct.pack("<HHII", 0x0100, 99, 1, 0),
        struct.pack("<HHII", 0x8769, 4, 1, 0xFFFFFFFF),
    ],
    ids=["resolution", "endless text", "unknown kind", "directory"],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_turned_though_another_entry_is_broken(kind: str, entry: bytes) -> None:
    assert decode(encoded(SCENE, kind, exif=turned_exif(entry)), 512).image.size == (150, 200)


# --- PNG

PNG = encoded(SCENE, "PNG")
HEADER_END = 33
ANCILLARY = {
    b"acTL": b"\0\0\0\x02\0\0\0\0",
    b"bKGD": b"\0\0\0\0\0\0",
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
    b"cICP": b"\x01\x0d\0\x01",
    b"eXIf": b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0),
    b"fcTL": struct.pack(">5I2H2B", 0, 200, 150, 0, 0, 1, 10, 0, 0),
    b"gAMA": struct.pack(">I", 45455),
    b"hIST": b"\0\1",
    b"iCCP": b"name\0\0" + zlib.compress(b"no profile"),
    b"iTXt": b"Comment\0\1\0en\0\0" + zlib.compress(b"text"),
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"sBIT": b"\x08\x08\x08",
    b"sRGB": b"\0",
    b"tEXt": b"Comment\0text",
    b"tIME": b"\x07\xe8\1\1\0\0\0",
    b"tRNS": b"\0\1\0\1\0\1",
    b"zTXt": b"Comment\0\0" + zlib.compress(b"text"),
    b"prVt": b"private",
    b"s\1IT": b"invalid name",
}


def with_chunk(chunk: bytes, data: bytes = PNG) -> bytes:
    return data[:HEADER_END] + chunk + data[HEADER_END:]


@pytest.mark.parametrize("kind", ANCILLARY)
def test_metadata_with_a_wrong_checksum_do_not_spoil_a_png(kind: bytes) -> None:
    chunk = bytearray(png_chunk(kind, ANCILLARY[kind]))
    chunk[-1] ^= 1
    assert_same_picture(with_chunk(bytes(chunk)), PNG)


@pytest.mark.parametrize("length", [0, 1, 3])
@pytest.mark.parametrize("kind", ANCILLARY)
def test_metadata_that_are_too_short_do_not_spoil_a_png(kind: bytes, length: int) -> None:
    assert_same_picture(with_chunk(png_chunk(kind, ANCILLARY[kind][:length])), PNG)


def test_an_unknown_compression_of_a_profile_does_not_spoil_a_png() -> None:
    assert_same_picture(with_chunk(png_chunk(b"iCCP", b"name\0\1" + zlib.compress(b"profile"))), PNG)


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_a_long_text_does_not_spoil_a_png(kind: bytes) -> None:
    text = b"x" * 1_800_000
    content = {
        b"tEXt": b"Comment\0" + text,
        b"zTXt": b"Comment\0\0" + zlib.compress(text),
        b"iTXt": b"Comment\0\1\0en\0\0" + zlib.compress(text),
    }
    assert_same_picture(with_chunk(png_chunk(kind, content[kind])), PNG)


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_text_or_profile_that_unfolds_to_gigabytes_is_ignored(kind: bytes) -> None:
    unfolds = zlib.compressobj(9)
    megabyte = bytes(2**20)
    bomb = b"name\0\0" + b"".join([unfolds.compress(megabyte) for _ in range(64)] + [unfolds.flush()])
    assert_same_picture(with_chunk(png_chunk(kind, bomb)), PNG)


def test_a_large_profile_is_used() -> None:
    swapped = ADOBE_RGB_LIKE.replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")
    profile = swapped.ljust(1_500_000, b"\0")
    assert len(profile) < MAX_PROFILE_BYTES
    red = encoded(Image.new("RGB", (8, 8), "red"), "PNG")
    shown = decode(with_chunk(png_chunk(b"iCCP", b"name\0\0" + zlib.compress(profile)), red), 8).image
    assert shown.getpixel((4, 4)) == pytest.approx((0, 255, 0), abs=16)


def interlaced(width: int, height: int) -> bytes:
    """Return a grey PNG in seven passes (section 8.1 of the standard), each a slope."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = [
        b"\0" + bytes((x + y) % 256 for x in columns)
        for left, top, across, down in passes
        if (columns := range(left, width, across))
        for y in range(top, height, down)
    ]
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1))
    return PNG[:8] + header + png_chunk(b"IDAT", zlib.compress(b"".join(rows))) + png_chunk(b"IEND", b"")


PNGS = {
    "interlaced": interlaced(120, 90),
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
def test_a_png_may_lack_everything_behind_its_pixels(name: str, kept: int) -> None:
    data = PNGS[name]
    assert_same_picture(data[: pixels_end(data) + kept], data)


@pytest.mark.parametrize("name", PNGS)
def test_the_checksum_of_the_pixels_may_be_wrong(name: str) -> None:
    data, end = PNGS[name], pixels_end(PNGS[name])
    assert_same_picture(data[:end] + bytes([data[end] ^ 0xFF]) + data[end + 1 :], data)


@pytest.mark.parametrize("missing", [4, 30, 1000])
@pytest.mark.parametrize("name", PNGS)
def test_a_png_whose_last_pixels_are_missing_is_refused(name: str, missing: int) -> None:
    data = PNGS[name]
    start = data.index(b"IDAT") + 4
    pixels = data[start : max(start + 2, pixels_end(data) - missing)]
    assert_refused(data[: start + len(pixels)])
    assert_refused(data[: start - 8] + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b""))


def test_metadata_may_part_the_pixels_of_a_png() -> None:
    start, end = PNG.index(b"IDAT") + 4, len(PNG) - 16
    pixels = PNG[start:end]
    parts = png_chunk(b"IDAT", pixels[:500]) + png_chunk(b"tEXt", b"a\0b") + png_chunk(b"IDAT", pixels[500:])
    assert_same_picture(PNG[: start - 8] + parts + PNG[-12:], PNG)


# --- transparency of PNGs


def grey(depth: int, rows: bytes, key: int, width: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, 0, 0, 0, 0))
    transparent = png_chunk(b"tRNS", struct.pack(">H", key))
    return PNG[:8] + header + transparent + png_chunk(b"IDAT", zlib.compress(b"\0" + rows)) + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("depth", "rows", "key"),
    [
        (1, bytes([0b01_000000]), 1),
        (2, bytes([0b0001_0000]), 1),
        (4, bytes([0x3C]), 0xC),
        (8, bytes([3, 200]), 200),
        (16, struct.pack(">2H", 0x1200, 0x1234), 0x1234),
    ],
)
def test_grey_of_every_depth_may_be_transparent(depth: int, rows: bytes, key: int) -> None:
    image = decode(grey(depth, rows, key, 2), 2).image
    assert image.mode == "RGBA"
    assert [image.getpixel((x, 0))[3] for x in (0, 1)] == [255, 0]  # type: ignore[index]


def test_a_transparent_colour_of_sixteen_bits_is_transparent() -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">6H", *[0x1234] * 3, *[0x5634] * 3)))
    key = png_chunk(b"tRNS", struct.pack(">3H", *[0x5634] * 3))
    image = decode(PNG[:8] + header + key + pixels + png_chunk(b"IEND", b""), 2).image
    assert [image.getpixel((x, 0))[3] for x in (0, 1)] == [255, 0]  # type: ignore[index]


# --- AVIF


@pytest.mark.parametrize("damage", [b"\xff\xff\xff\xff", b"\0\0\0\0MM\0", b"\0\0\0\x50"])
def test_damaged_metadata_do_not_spoil_an_avif(damage: bytes) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Camera", 6
    sound = encoded(SCENE, "AVIF", exif=exif)
    start = max(sound.find(b"II*\0"), sound.find(b"MM\0*")) - 4  # the offset of the metadata in their item
    damaged = sound[:start] + damage + sound[start + len(damage) :]
    assert decode(damaged, 512).image.size == (150, 200)
    assert difference(decode(damaged, 512).image, decode(sound, 512).image) == 0


# --- anything may happen to metadata


@given(data=st.data(), kind=st.sampled_from(sorted(ANCILLARY)), content=st.binary(max_size=40), checksum=st.booleans())
@settings(deadline=None, max_examples=150)
def test_whatever_an_ancillary_chunk_holds_the_png_is_shown(
    data: st.DataObject, kind: bytes, content: bytes, checksum: bool
) -> None:
    chunk = png_chunk(kind, content)
    assert decode(with_chunk(chunk if checksum else chunk[:-4] + b"\0\0\0\0"), 512).width in (200, 150)


@given(marker=st.integers(0xE0, 0xEF), content=st.binary(max_size=60), prefix=st.sampled_from(sorted(SEGMENTS)))
@settings(deadline=None, max_examples=150)
def test_whatever_an_application_segment_holds_the_jpeg_is_shown(marker: int, content: bytes, prefix: str) -> None:
    start = SEGMENTS[prefix][4:20].split(b"\0")[0] + b"\0"
    data = JPEGS["baseline"]
    assert decode(data[:2] + segment(marker, start + content) + data[2:], 512).width in (200, 150)
