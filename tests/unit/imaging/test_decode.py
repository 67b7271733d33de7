"""Formats and sizes of decoded pictures."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.limits import CONTENT_TYPES
from imaging.decode import FORMATS, decode
from support.photos import SWAPPED_PROFILE, difference, encoded, exif, scene
from unit.imaging.samples import SAMPLES, SCENE, colour

PICTURES = Path(__file__).parents[2] / "pictures"
TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "avif": "image/avif"}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_picture_of_every_format_is_scaled_to_the_box(name: str) -> None:
    picture = decode(SAMPLES[name], 60)
    assert picture.content_type == TYPES.get(name.split()[-1], "image/heic")
    assert (picture.width, picture.height) == (120, 80)
    assert picture.image.size == (60, 40)
    expected = SCENE.convert("L") if name.startswith("grey") else SCENE
    if not name.startswith("transparent"):
        assert picture.image.mode == "RGB"
        assert difference(picture.image, expected.resize((60, 40), Image.Resampling.LANCZOS)) < 8


def test_a_heif_file_that_does_not_name_its_codec_is_heif() -> None:
    heic = SAMPLES["heic"]
    length = int.from_bytes(heic[:4])
    brands = b"mif1\0\0\0\0mif1miaf".ljust(length - 8, b"\0")
    picture = decode(heic[:8] + brands + heic[length:], 60)
    assert picture.content_type == "image/heif"


def test_the_upload_types_are_the_decodable_types() -> None:
    assert set(FORMATS) == set(CONTENT_TYPES)


@pytest.mark.parametrize("expected", sorted(PICTURES.glob("*.expected.png")), ids=lambda path: path.name.split(".")[0])
def test_a_real_file_looks_as_in_a_browser(expected: Path) -> None:
    (file,) = PICTURES.glob(f"{expected.name.split('.')[0]}.[!e]*")
    assert difference(decode(file.read_bytes(), 512).image, Image.open(expected)) < 6


def test_only_the_first_picture_of_a_jpeg_is_used() -> None:
    panorama = encoded(SCENE, "MPO", save_all=True, append_images=[Image.new("RGB", SCENE.size)])
    picture = decode(panorama, 60)
    assert picture.content_type == "image/jpeg"
    assert difference(picture.image, SCENE.resize((60, 40))) < 8


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_only_the_first_frame_of_an_animation_is_used(kind: str) -> None:
    frames = [Image.new("RGB", (60, 40), name) for name in ("red", "lime", "blue")]
    picture = decode(encoded(frames[0], kind, save_all=True, append_images=frames[1:]), 30)
    assert picture.image.size == (30, 20)
    assert colour(picture.image) == pytest.approx((255, 0, 0), abs=16)


def test_frames_after_the_first_are_not_read() -> None:
    many = encoded(SCENE, "GIF", save_all=True, append_images=[scene(120, 80, seed) for seed in range(1, 4)])
    broken = many[: len(SAMPLES["gif"])] + b"\xff" * 1000
    assert difference(decode(broken, 60).image, decode(many, 60).image) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF"])
def test_the_result_has_no_metadata(kind: str) -> None:
    options = {"comment": b"secret"} if kind == "GIF" else {"exif": exif(1), "icc_profile": SWAPPED_PROFILE}
    assert decode(encoded(SCENE, kind, **options), 60).image.info == {}


# --- size


def test_a_small_picture_is_not_enlarged() -> None:
    assert decode(encoded(scene(30, 20), "PNG"), 512).image.size == (30, 20)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(("size", "expected"), [((4000, 3), (100, 1)), ((3, 4000), (1, 100))])
def test_a_very_thin_picture_keeps_a_pixel(kind: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = decode(encoded(Image.new("RGB", size, "red"), kind), 100)
    assert picture.image.size == expected
    assert colour(picture.image, 0, 0) == pytest.approx((255, 0, 0), abs=16)


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    box=st.integers(1, 200),
    kind=st.sampled_from(["JPEG", "PNG"]),
)
@settings(deadline=None, max_examples=60)
def test_a_picture_of_any_shape_fills_the_box_and_keeps_its_shape(width: int, height: int, box: int, kind: str) -> None:
    picture = decode(encoded(Image.new("RGB", (width, height), "teal"), kind), box)
    assert (picture.width, picture.height) == (width, height)
    assert max(picture.image.size) == min(box, max(width, height))
    scale = max(picture.image.size) / max(width, height)
    assert picture.image.size == pytest.approx((width * scale, height * scale), abs=1)
    assert colour(picture.image) == pytest.approx((0, 128, 128), abs=16)


def test_a_large_jpeg_stays_sharp_when_the_decoder_scales_it() -> None:
    large = scene(1601, 1203)
    picture = decode(encoded(large, "JPEG", quality=95), 200)
    assert difference(picture.image, large.resize(picture.image.size, Image.Resampling.LANCZOS)) < 2


def test_a_jpeg_with_odd_sides_is_not_shifted_when_the_decoder_halves_it() -> None:
    slope = Image.linear_gradient("L").rotate(90).resize((65, 65)).convert("RGB")
    image = decode(encoded(slope, "JPEG", quality=100), 4).image
    assert difference(image, slope.resize((4, 4), Image.Resampling.LANCZOS)) < 5
