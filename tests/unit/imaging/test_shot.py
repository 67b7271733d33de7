"""When and with which camera a photo was taken."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from imaging.decode import decode
from imaging.shot import MAX_CAMERA_CHARACTERS, Shot, read_shot
from support.photos import encoded
from unit.imaging.samples import SCENE

MAKE, MODEL = ExifTags.Base.Make, ExifTags.Base.Model
TAKEN, DIGITISED = ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized
KINDS = ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"]


def metadata(make: str = "", model: str = "", times: dict[int, str] | None = None) -> bytes:
    """Return EXIF metadata as cameras write them, with a place."""
    exif = Image.Exif()
    if make:
        exif[MAKE] = make
    if model:
        exif[MODEL] = model
    exif.get_ifd(ExifTags.IFD.Exif).update(times or {})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (46.0, 21.0, 49.0)})
    return exif.tobytes()


CAMERA = metadata("FUJIFILM", "X-T5", {TAKEN: "2026:06:30 18:05:41"})


@pytest.mark.parametrize("kind", KINDS)
def test_time_and_camera_are_read(kind: str) -> None:
    assert decode(encoded(SCENE, kind, exif=CAMERA), 48).shot == Shot("2026-06-30 18:05", "FUJIFILM X-T5")


@pytest.mark.parametrize("kind", [*KINDS, "GIF"])
def test_a_file_without_metadata_says_nothing(kind: str) -> None:
    assert decode(encoded(SCENE, kind), 48).shot == Shot()


def texts(values: dict[int, bytes], order: str = ">") -> bytes:
    """Return EXIF metadata with these bytes as texts."""
    place = 8 + 2 + 12 * len(values)
    entries = []
    for tag, value in values.items():
        inline = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(f"{order}I", place)
        entries.append(struct.pack(f"{order}HHI", tag, 2, len(value)) + inline)
        place += len(value) if len(value) > 4 else 0
    mark = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(values))
    return mark + b"".join(entries) + b"".join(value for value in values.values() if len(value) > 4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_both_byte_orders_are_read(order: str, prefix: bytes) -> None:
    assert read_shot(prefix + texts({MAKE: b"HP\0", MODEL: b"PhotoSmart\0"}, order)).camera == "HP PhotoSmart"


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("NIKON CORPORATION", "NIKON Z 6_2", "NIKON Z 6_2"),
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("Google", "Pixel 9", "Google Pixel 9"),
        ("Leica", "", "Leica"),
        ("", "LEICA Q3", "LEICA Q3"),
        ("  Sony \x07", "ILCE-7M4\n\x1b[0m", "Sony ILCE-7M4 [0m"),
        ("ф" * 150, "", "ф" * MAX_CAMERA_CHARACTERS),
        ("", " ", None),
    ],
    ids=["long make", "repeated make", "make and model", "make", "model", "unprintable", "long", "blank"],
)
def test_make_and_model_are_the_camera(make: str, model: str, camera: str | None) -> None:
    assert read_shot(texts({MAKE: make.encode(), MODEL: model.encode()})).camera == camera


@pytest.mark.parametrize(
    ("times", "taken"),
    [
        ({TAKEN: "2026:06:30 18:05:41", DIGITISED: "2026:07:01 09:00:00"}, "2026-06-30 18:05"),
        ({DIGITISED: "2026:07:01 09:00:00"}, "2026-07-01 09:00"),
        ({TAKEN: "0000:00:00 00:00:00", DIGITISED: "2026:07:01 09:00:00"}, "2026-07-01 09:00"),
        ({TAKEN: "2026-06-30T18:05:41+02:00"}, "2026-06-30 18:05"),
        ({TAKEN: "2026:02:30 18:05:41"}, None),
        ({TAKEN: "    :  :     :  :  "}, None),
        ({TAKEN: "yesterday"}, None),
    ],
    ids=["taken", "digitised", "unset", "another notation", "no such day", "blank", "words"],
)
def test_an_impossible_time_is_unknown(times: dict[int, str], taken: str | None) -> None:
    assert read_shot(metadata(times=times)).taken == taken


def test_the_place_is_not_read() -> None:
    assert "46" not in repr(read_shot(CAMERA))


BROKEN = {
    "cut off": CAMERA[:60],
    "nothing but the prefix": b"Exif\0\0",
    "endless directory": b"Exif\0\0" + b"MM\0*" + b"\0\0\0\x08" + b"\xff" * 60_000,
    "text out of range": b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHII", MODEL, 2, 50, 0xFFFFFF00),
    "details out of range": b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHII", 0x8769, 4, 1, 0xFFFFFF00),
    "model as a number": b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHII", MODEL, 4, 1, 5),
    "details that point to themselves": b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHII", 0x8769, 4, 1, 8),
}


@pytest.mark.parametrize("exif", BROKEN.values(), ids=BROKEN)
def test_damaged_metadata_say_nothing(exif: bytes) -> None:
    assert read_shot(exif) == Shot()


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_with_damaged_metadata_is_decoded(kind: str) -> None:
    damaged = CAMERA[:40] + bytes(255 - byte for byte in CAMERA[40:])
    assert decode(encoded(SCENE, kind, exif=damaged), 48).image.size[0] <= 48


@given(st.binary() | st.binary().map(b"II*\0".__add__) | st.binary().map(lambda text: texts({MAKE: text, MODEL: text})))
def test_any_bytes_give_short_printable_texts(exif: bytes) -> None:
    shot = read_shot(exif)
    assert shot.camera is None or (shot.camera.isprintable() and 0 < len(shot.camera) <= MAX_CAMERA_CHARACTERS)
    assert shot.taken is None or len(shot.taken) == 16


@given(st.integers(0, len(CAMERA) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_byte_never_raises(place: int, damage: bytes) -> None:
    shot = read_shot(CAMERA[:place] + damage + CAMERA[place + len(damage) :])
    assert shot.camera is None or shot.camera.isprintable()
