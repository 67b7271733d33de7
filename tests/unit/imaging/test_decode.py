"""Pictures that people send, and files that only pretend to be one."""

import struct
import subprocess
import sys
from collections.abc import Callable

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageDraw, ImageStat

from catalog.limits import CONTENT_TYPES
from imaging import decode as module
from imaging.decode import (
    DAMAGED,
    EMPTY,
    MAX_JPEG_SCANS,
    MAX_PIXELS,
    UNKNOWN,
    UnreadableImageError,
    decode,
)
from imaging.stripped import MAX_PROFILE_BYTES
from support.photos import encoded, png_chunk, scene

pillow_heif.register_heif_opener()

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int) -> bytes:
    """Return EXIF metadata of one short number, big-endian (TIFF 6.0, section 2)."""
    entry = struct.pack(">HHIHH", ExifTags.Base.Orientation, 3, 1, orientation, 0)
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"


def swapped_profile() -> bytes:
    """Return a colour profile that calls green what sRGB calls red: its entries swap places (ICC.1, 7.3)."""
    return SRGB.replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")


SCENE = scene(120, 80)
ALPHA = SCENE.copy()
ALPHA.putalpha(Image.linear_gradient("L").resize(SCENE.size))
# Every format, and the variants that take other ways through their decoders.
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
TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "avif": "image/avif"}


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures' channels, 0 to 255, without their transparency."""
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def colour(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """Return the pixel at a fraction of the width and height."""
    pixel = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    return pixel


def near(one: tuple[int, ...], other: tuple[int, ...], tolerance: int = 16) -> bool:
    return len(one) == len(other) and all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


# --- formats


@pytest.mark.parametrize("name", SAMPLES)
def test_a_picture_of_every_accepted_format_is_scaled_to_the_box(name: str) -> None:
    picture = decode(SAMPLES[name], 60)
    assert (picture.width, picture.height) == (120, 80)
    assert picture.image.size == (60, 40)
    expected = SCENE.convert("L") if name.startswith("grey") else SCENE
    if not name.startswith("transparent"):
        assert picture.image.mode == "RGB"
        assert difference(picture.image, expected.resize((60, 40), Image.Resampling.LANCZOS)) < 8


@pytest.mark.parametrize("name", SAMPLES)
def test_the_type_is_what_the_content_says(name: str) -> None:
    assert decode(SAMPLES[name], 60).content_type == TYPES.get(name.split()[-1], "image/heic")


def test_a_heif_file_that_does_not_name_its_coding_is_heif() -> None:
    heic = SAMPLES["heic"]
    length = int.from_bytes(heic[:4])
    brands = b"mif1\0\0\0\0mif1miaf".ljust(length - 8, b"\0")
    picture = decode(heic[:8] + brands + heic[length:], 60)
    assert picture.content_type == "image/heif"


def test_uploads_are_accepted_of_exactly_the_types_that_can_be_read() -> None:
    assert set(module.CONTENT_TYPES) == set(CONTENT_TYPES)


def test_a_jpeg_of_several_pictures_is_its_first_one() -> None:
    panorama = encoded(SCENE, "MPO", save_all=True, append_images=[Image.new("RGB", SCENE.size)])
    picture = decode(panorama, 60)
    assert picture.content_type == "image/jpeg"
    assert difference(picture.image, SCENE.resize((60, 40))) < 8


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_is_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (60, 40), name) for name in ("red", "lime", "blue")]
    picture = decode(encoded(frames[0], kind, save_all=True, append_images=frames[1:]), 30)
    assert picture.image.size == (30, 20)
    assert near(colour(picture.image, 0.5, 0.5), (255, 0, 0))


def test_frames_after_the_first_are_not_even_read() -> None:
    many = encoded(SCENE, "GIF", save_all=True, append_images=[scene(120, 80, seed) for seed in range(1, 4)])
    broken = many[: len(SAMPLES["gif"])] + b"\xff" * 1000
    assert difference(decode(broken, 60).image, decode(many, 60).image) == 0


# --- size


def test_a_small_picture_is_not_enlarged() -> None:
    assert decode(encoded(scene(30, 20), "PNG"), 512).image.size == (30, 20)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(("size", "expected"), [((4000, 3), (100, 1)), ((3, 4000), (1, 100))])
def test_a_very_thin_picture_keeps_a_pixel(kind: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = decode(encoded(Image.new("RGB", size, "red"), kind), 100)
    assert picture.image.size == expected
    assert near(colour(picture.image, 0, 0), (255, 0, 0))


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
    assert picture.image.width == pytest.approx(width * scale, abs=1)
    assert picture.image.height == pytest.approx(height * scale, abs=1)
    assert near(colour(picture.image, 0.5, 0.5), (0, 128, 128))


def test_a_large_jpeg_keeps_its_sharpness_when_the_decoder_scales_it() -> None:
    large = scene(1601, 1203)
    picture = decode(encoded(large, "JPEG", quality=95), 200)
    assert difference(picture.image, large.resize(picture.image.size, Image.Resampling.LANCZOS)) < 2


def test_a_jpeg_that_the_decoder_cannot_halve_exactly_is_not_shifted() -> None:
    slope = Image.linear_gradient("L").rotate(90).resize((65, 65)).convert("RGB")
    image = decode(encoded(slope, "JPEG", quality=100), 4).image
    assert difference(image, slope.resize((4, 4), Image.Resampling.LANCZOS)) < 5


# --- orientation

CORNERS = {(0.1, 0.1): (255, 0, 0), (0.9, 0.1): (0, 255, 0), (0.1, 0.9): (0, 0, 255), (0.9, 0.9): (255, 255, 255)}
# How a camera held so stores the picture: the inverse of what the viewer has to do.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def four_corners() -> Image.Image:
    image = Image.new("RGB", (96, 64))
    draw = ImageDraw.Draw(image)
    for (x, y), fill in CORNERS.items():
        left, top = 48 * round(x), 32 * round(y)
        draw.rectangle((left, top, left + 47, top + 31), fill=fill)
    return image


def assert_upright(picture: module.Picture) -> None:
    assert (picture.width, picture.height) == (96, 64)
    assert picture.image.size == (48, 32)
    for place, expected in CORNERS.items():
        assert near(colour(picture.image, *place), expected, 40)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_a_turned_photo_comes_out_upright(kind: str, orientation: int) -> None:
    turn = STORED[orientation]
    stored = four_corners() if turn is None else four_corners().transpose(turn)
    assert_upright(decode(encoded(stored, kind, exif=exif(orientation)), 48))


UNUSED_TAG = 0x0113
UNUSED_ENTRY, ORIENTATION_ENTRY = (struct.pack(">HHI", tag, 3, 1) for tag in (UNUSED_TAG, ExifTags.Base.Orientation))


@pytest.mark.parametrize("container", [1, 6])
@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_where_the_container_turns_the_picture_its_exif_does_not_turn_it_again(kind: str, container: int) -> None:
    turn = STORED[container]
    stored = four_corners() if turn is None else four_corners().transpose(turn)
    # The encoders move the orientation from EXIF to the container, so a second one is put there under another name.
    two = Image.Exif()
    two[ExifTags.Base.Orientation] = container
    two[UNUSED_TAG] = 8
    data = encoded(stored, kind, exif=two.tobytes())
    assert data.count(UNUSED_ENTRY) == 1
    assert_upright(decode(data.replace(UNUSED_ENTRY, ORIENTATION_ENTRY), 48))


@pytest.mark.parametrize("metadata", [exif(9), exif(0), exif(6)[:-9], b"Exif\0\0", b"Exif\0\0" + b"\xff" * 60_000])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_metadata_do_not_spoil_a_good_picture(kind: str, metadata: bytes) -> None:
    assert_upright(decode(encoded(four_corners(), kind, exif=metadata), 48))


# --- colours and transparency


def half_transparent(mode: str) -> Image.Image:
    """Return white on the left and, on the right, black that nobody should see."""
    image = Image.new("LA", (128, 64), (255, 255))
    image.paste((0, 0), (65, 0, 128, 64))
    return image.convert(mode)


def half_transparent_by_name(mode: str) -> bytes:
    """Return a PNG whose black is transparent (its tRNS chunk), on the right."""
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
def test_transparency_is_kept_and_hidden_colours_do_not_shine_through(data: bytes) -> None:
    image = decode(data, 32).image
    assert image.mode == "RGBA"
    assert near(colour(image, 0.1, 0.5), (255, 255, 255, 255))
    assert colour(image, 0.9, 0.5)[3] < 8
    edge = colour(image, 0.5, 0.5)
    assert edge[3] < 255
    assert edge[3] < 8 or min(edge[:3]) > 200


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    deep = Image.frombytes("I;16", (256, 1), struct.pack("<256H", *range(0, 65536, 256))).resize((256, 32), 0)
    image = decode(encoded(deep, "PNG"), 256).image
    assert image.mode == "RGB"
    assert [image.getpixel((x, 16)) for x in (0, 64, 128, 255)] == [(0,) * 3, (64,) * 3, (128,) * 3, (255,) * 3]


def test_black_and_white_pixels_are_averaged_to_grey() -> None:
    checkers = Image.frombytes("1", (256, 256), (b"\xaa" * 32 + b"\x55" * 32) * 128)
    image = decode(encoded(checkers, "PNG"), 64).image
    assert near(colour(image, 0.5, 0.5), (128, 128, 128), 4)


def test_colours_of_print_look_right() -> None:
    print_red = Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    assert near(colour(decode(encoded(print_red, "JPEG"), 32).image, 0.5, 0.5), (255, 0, 0))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_colours_are_converted_from_the_profile_of_the_picture(kind: str) -> None:
    red = Image.new("RGB", (64, 64), (255, 0, 0))
    image = decode(encoded(red, kind, icc_profile=swapped_profile()), 32).image
    assert near(colour(image, 0.5, 0.5), (0, 255, 0))


def test_a_colour_profile_leaves_transparency_alone() -> None:
    red = Image.new("RGBA", (64, 64), (255, 0, 0, 100))
    image = decode(encoded(red, "PNG", icc_profile=swapped_profile()), 32).image
    assert near(colour(image, 0.5, 0.5), (0, 255, 0, 100), 4)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("profile", [b"no profile", swapped_profile()[:200]])
def test_a_damaged_colour_profile_is_ignored(mode: str, profile: bytes) -> None:
    grey = Image.new("L", (64, 64), 100).convert(mode)
    assert near(colour(decode(encoded(grey, "JPEG", icc_profile=profile), 32).image, 0.5, 0.5), (100, 100, 100), 4)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_profile_for_another_kind_of_colours_is_ignored(mode: str) -> None:
    grey = Image.new("L", (64, 64), 100).convert(mode)
    image = decode(encoded(grey, "PNG", icc_profile=swapped_profile()), 32).image
    assert near(colour(image, 0.5, 0.5)[:3], (100, 100, 100), 4)


def test_a_huge_colour_profile_is_ignored() -> None:
    profile = swapped_profile().ljust(MAX_PROFILE_BYTES + 1, b"\0")
    image = decode(encoded(Image.new("RGB", (64, 64), (255, 0, 0)), "WEBP", icc_profile=profile), 32).image
    assert near(colour(image, 0.5, 0.5), (255, 0, 0))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF"])
def test_no_metadata_stay_on_the_picture(kind: str) -> None:
    options = {"comment": b"secret"} if kind == "GIF" else {"exif": exif(1), "icc_profile": swapped_profile()}
    assert decode(encoded(SCENE, kind, **options), 60).image.info == {}


# --- files that are no picture for us


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(UnreadableImageError, match=EMPTY):
        decode(b"", 64)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM", "PDF", "EPS", "JPEG2000", "TGA", "QOI"])
def test_a_picture_of_another_type_is_refused(kind: str) -> None:
    with pytest.raises(UnreadableImageError, match=UNKNOWN):
        decode(encoded(SCENE, kind), 64)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"RIFF",
        b"\xff",
    ],
)
def test_a_file_that_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImageError, match=UNKNOWN):
        decode(data, 64)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.99])
def test_a_file_that_ends_too_early_is_refused(name: str, part: float) -> None:
    data = SAMPLES[name]
    # Behind the pixels, a PNG has checksums and a mark of its end, and a GIF has its mark.
    end = len(data) - {"png": 4 + 4 + 12, "gif": 2}.get(name.split()[-1], 0)
    with pytest.raises(UnreadableImageError, match=r"damaged, incomplete"):
        decode(data[: int(end * part)], 64)


def test_the_reason_names_the_format() -> None:
    with pytest.raises(UnreadableImageError, match=DAMAGED.format(format="PNG")):
        decode(SAMPLES["png"][:100], 64)


def test_only_decoders_of_accepted_formats_are_loaded() -> None:
    program = (
        "import sys; from imaging.decode import decode; decode(sys.stdin.buffer.read(), 64);"
        "print(*sorted(name for name in sys.modules if name.endswith('ImagePlugin') or name == 'pillow_heif'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        input=SAMPLES["png"],
        env={"PYTHONPATH": module.__file__.removesuffix("imaging/decode.py")},
        stdout=subprocess.PIPE,
        check=True,
    )
    formats = ("Avif", "Gif", "Jpeg", "Png", "Tiff", "WebP")  # TIFF reads EXIF
    assert set(run.stdout.decode().split()) <= {f"PIL.{name}ImagePlugin" for name in formats}


# --- attacks

SIDE = 12_000  # 144 megapixels


def large_png() -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0))
        + SAMPLES["png"][33:]
    )


def large_jpeg(name: str, marker: bytes) -> bytes:
    start = SAMPLES[name].index(marker) + 5
    return SAMPLES[name][:start] + struct.pack(">HH", SIDE, SIDE) + SAMPLES[name][start + 4 :]


def large_gif() -> bytes:
    return SAMPLES["gif"][:6] + struct.pack("<HH", SIDE, SIDE) + SAMPLES["gif"][10:]


def large_webp() -> bytes:
    data = SAMPLES["transparent webp"]  # its canvas has 24 bits for each side, less one
    side = struct.pack("<I", SIDE - 1)[:3]
    return data[:24] + side * 2 + data[30:]


def large_container(name: str) -> bytes:
    data = SAMPLES[name]
    return data.replace(
        b"ispe\0\0\0\0" + struct.pack(">II", *SCENE.size), b"ispe\0\0\0\0" + struct.pack(">II", SIDE, SIDE)
    )


@pytest.mark.parametrize(
    "bomb",
    [
        large_png,
        lambda: large_jpeg("jpeg", b"\xff\xc0"),
        lambda: large_jpeg("progressive jpeg", b"\xff\xc2"),
        large_gif,
        large_webp,
        lambda: large_container("avif"),
        lambda: large_container("heic"),
    ],
    ids=["png", "jpeg", "progressive jpeg", "gif", "webp", "avif", "heic"],
)
def test_too_many_pixels_are_refused_before_any_is_decoded(bomb: Callable[[], bytes]) -> None:
    # These files have the pixels of a small picture, so that decoding them would find them damaged instead.
    with pytest.raises(UnreadableImageError, match=r"at most (65|100) megapixels"):
        decode(bomb(), 64)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_photo_of_a_phone_with_64_megapixels_is_read(kind: str) -> None:
    picture = decode(encoded(Image.new("L", (9248, 6936)), kind), 64)
    assert (picture.width, picture.height) == (9248, 6936)


def test_64_megapixels_are_allowed_in_every_format() -> None:
    assert {kind for kind, most in MAX_PIXELS.items() if most >= 9248 * 6936} == set(CONTENT_TYPES)


def test_a_jpeg_of_as_many_pixels_as_allowed_is_read() -> None:
    assert decode(encoded(Image.new("L", (10_000, 10_000)), "JPEG"), 64).image.size == (64, 64)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_few_pixels_more_are_refused_with_the_limit(kind: str) -> None:
    with pytest.raises(UnreadableImageError, match="may have at most 100 megapixels"):
        decode(encoded(Image.new("L", (10_000, 10_001)), kind), 64)


def with_scans(data: bytes, more: int) -> bytes:
    """Return a progressive JPEG that repeats its last scan."""
    tables = data.rindex(b"\xff\xc4", 0, data.rindex(b"\xff\xda"))
    return data[:-2] + data[tables:-2] * more + data[-2:]


def test_a_jpeg_of_countless_scans_is_refused() -> None:
    with pytest.raises(UnreadableImageError, match=r"The JPEG file is damaged"):
        decode(with_scans(SAMPLES["progressive jpeg"], MAX_JPEG_SCANS), 64)


def test_a_jpeg_of_some_more_scans_is_read() -> None:
    assert decode(with_scans(SAMPLES["progressive jpeg"], 30), 64).image.size == (64, 43)


EDITS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 80), st.integers(0, 2**15)),  # headers are where it hurts
        st.integers(0, 8),
        st.one_of(st.binary(max_size=8), st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"])),
    ),
    min_size=1,
    max_size=8,
)


@given(name=st.sampled_from(sorted(SAMPLES)), edits=EDITS)
@settings(deadline=None, max_examples=400)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(name: str, edits: list[tuple[int, int, bytes]]) -> None:
    data = bytearray(SAMPLES[name])
    for position, gone, new in edits:
        start = position % (len(data) + 1)
        data[start : start + gone] = new
    try:
        picture = decode(bytes(data), 64)
    except UnreadableImageError:
        return
    assert picture.image.mode in ("RGB", "RGBA")
    assert max(picture.image.size) <= 64
