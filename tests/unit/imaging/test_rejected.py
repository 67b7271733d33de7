"""Files that are rejected: other formats, damaged files, too many pixels."""

import struct
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imaging.decode import DAMAGED, EMPTY, FORMATS, MAX_JPEG_SCANS, UNKNOWN, UnreadableImageError, decode
from support.photos import encoded, png
from unit.imaging.samples import SAMPLES, SCENE, assert_rejected, patched


def test_an_empty_file_is_rejected() -> None:
    with pytest.raises(UnreadableImageError, match=EMPTY):
        decode(b"", 64)


@pytest.mark.parametrize(
    "data",
    [
        *(encoded(SCENE, kind) for kind in ("BMP", "TIFF", "ICO", "PPM", "PDF", "EPS", "JPEG2000", "TGA", "QOI")),
        b"GET / HTTP/1.1",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"RIFF",
        b"\xff",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_a_file_of_another_type_is_rejected(data: bytes) -> None:
    with pytest.raises(UnreadableImageError, match=UNKNOWN):
        decode(data, 64)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_is_rejected(name: str, part: float) -> None:
    data = SAMPLES[name]
    # After the pixels, a PNG has checksums and an end chunk, and a GIF has an end mark.
    end = len(data) - {"png": 4 + 4 + 12, "gif": 2}.get(name.split()[-1], 0)
    assert_rejected(data[: int(end * part)])


def test_the_reason_names_the_format() -> None:
    with pytest.raises(UnreadableImageError, match=DAMAGED.format(format="PNG")):
        decode(SAMPLES["png"][:100], 64)


def test_only_decoders_of_supported_formats_are_loaded() -> None:
    program = (
        "import sys; from imaging.decode import decode; decode(sys.stdin.buffer.read(), 64);"
        "print(*sorted(name for name in sys.modules if name.endswith('ImagePlugin') or name == 'pillow_heif'))"
    )
    run = subprocess.run([sys.executable, "-c", program], input=SAMPLES["png"], stdout=subprocess.PIPE, check=True)
    formats = ("Avif", "Gif", "Jpeg", "Png", "Tiff", "WebP")  # TIFF reads EXIF
    assert set(run.stdout.decode().split()) <= {f"PIL.{name}ImagePlugin" for name in formats}


# --- limits

SIDE = 12_000  # 144 megapixels


def with_size(name: str, position: int, layout: str) -> bytes:
    """Return a sample whose header claims another width and height."""
    return patched(SAMPLES[name], position, struct.pack(layout, SIDE, SIDE))


# These files have few pixels or none: decoding them would report damage.
BOMBS = {
    "png": png(SIDE, SIDE, 8, 2, b""),
    "jpeg": with_size("jpeg", SAMPLES["jpeg"].index(b"\xff\xc0") + 5, ">HH"),
    "progressive jpeg": with_size("progressive jpeg", SAMPLES["progressive jpeg"].index(b"\xff\xc2") + 5, ">HH"),
    "gif": with_size("gif", 6, "<HH"),
    # The canvas of a WebP has 24 bits for each side, less one.
    "webp": patched(SAMPLES["transparent webp"], 24, (SIDE - 1).to_bytes(3, "little") * 2),
    "avif": with_size("avif", SAMPLES["avif"].index(b"ispe") + 8, ">II"),
    "heic": with_size("heic", SAMPLES["heic"].index(b"ispe") + 8, ">II"),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_too_many_pixels_are_rejected_before_any_is_decoded(bomb: bytes) -> None:
    with pytest.raises(UnreadableImageError, match=r"at most (65|100) megapixels"):
        decode(bomb, 64)


PHONE = (9248, 6936)  # 64 megapixels


@pytest.mark.parametrize(
    ("kind", "size"), [("JPEG", PHONE), ("PNG", PHONE), ("GIF", PHONE), ("JPEG", (10_000, 10_000))]
)
def test_a_large_picture_is_accepted(kind: str, size: tuple[int, int]) -> None:
    picture = decode(encoded(Image.new("L", size), kind), 64)
    assert (picture.width, picture.height) == size


def test_every_format_allows_a_phone_photo() -> None:
    assert min(known.megapixels for known in FORMATS.values()) * 1_000_000 >= PHONE[0] * PHONE[1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_above_the_limit_is_rejected_with_the_limit(kind: str) -> None:
    with pytest.raises(UnreadableImageError, match="can have at most 100 megapixels"):
        decode(encoded(Image.new("L", (10_000, 10_001)), kind), 64)


def with_scans(more: int) -> bytes:
    """Return a progressive JPEG that repeats its last scan."""
    data = SAMPLES["progressive jpeg"]
    tables = data.rindex(b"\xff\xc4", 0, data.rindex(b"\xff\xda"))
    return data[:-2] + data[tables:-2] * more + data[-2:]


def test_a_jpeg_with_too_many_scans_is_rejected() -> None:
    with pytest.raises(UnreadableImageError, match=r"This JPEG file is damaged"):
        decode(with_scans(MAX_JPEG_SCANS), 64)


def test_a_jpeg_with_a_few_more_scans_is_accepted() -> None:
    assert decode(with_scans(30), 64).image.size == (64, 43)


EDITS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 80), st.integers(0, 2**15)),  # headers are the sensitive part
        st.integers(0, 8),
        st.one_of(st.binary(max_size=8), st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"])),
    ),
    min_size=1,
    max_size=8,
)


@given(name=st.sampled_from(sorted(SAMPLES)), edits=EDITS)
@settings(deadline=None, max_examples=400)
def test_a_damaged_file_is_decoded_or_rejected(name: str, edits: list[tuple[int, int, bytes]]) -> None:
    data = bytearray(SAMPLES[name])
    for position, removed, new in edits:
        start = position % (len(data) + 1)
        data[start : start + removed] = new
    try:
        picture = decode(bytes(data), 64)
    except UnreadableImageError:
        return
    assert picture.image.mode in ("RGB", "RGBA")
    assert max(picture.image.size) <= 64
