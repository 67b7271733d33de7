"""The thumbnail of one image."""

import base64
import random
from io import BytesIO

import pytest
from PIL import Image, ImageCms

from imaging.decode import UnreadableImageError
from support.photos import difference, encoded, jpeg, scene
from thumbnail.resize import BOX, resize

PREFIX = "data:image/webp;base64,"


def opened(webp: bytes) -> Image.Image:
    image = Image.open(BytesIO(webp))
    assert image.format == "WEBP"
    return image


def preview(placeholder: str) -> Image.Image:
    assert placeholder.startswith(PREFIX)
    return opened(base64.b64decode(placeholder.removeprefix(PREFIX)))


def noise(size: tuple[int, int]) -> Image.Image:
    dice = random.Random(1)
    return Image.frombytes("RGBA", size, dice.randbytes(size[0] * size[1] * 4))


def test_a_photo_becomes_a_webp_that_looks_like_it() -> None:
    image = opened(resize(jpeg(1600, 1200)).webp)
    assert image.size == (BOX, BOX * 3 // 4)
    assert difference(image, scene(1600, 1200).resize(image.size, Image.Resampling.LANCZOS)) < 2.5


def test_the_original_size_and_the_real_type_are_returned() -> None:
    thumbnail = resize(encoded(scene(1600, 1200), "PNG")).thumbnail
    assert (thumbnail.width, thumbnail.height, thumbnail.content_type) == (1600, 1200, "image/png")


def test_transparency_is_kept_in_thumbnail_and_placeholder() -> None:
    glass = Image.new("RGBA", (800, 600), (200, 30, 30, 100))
    resized = resize(encoded(glass, "PNG"))
    for image in (opened(resized.webp), preview(resized.thumbnail.placeholder)):
        pixel = image.getpixel((10, 10))
        assert isinstance(pixel, tuple)
        assert pixel[3] == pytest.approx(100, abs=4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_thumbnails_contain_no_metadata_of_the_photo(kind: str) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Erika Mustermann"  # Artist
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    resized = resize(encoded(scene(), kind, exif=exif.tobytes(), icc_profile=profile, xmp=b"<x>Mustermann</x>"))
    for image in (opened(resized.webp), preview(resized.thumbnail.placeholder)):
        assert not image.info.keys() & {"exif", "icc_profile", "xmp", "comment"}
    assert b"Mustermann" not in resized.webp


def test_the_placeholder_is_a_tiny_preview_of_the_photo() -> None:
    image = preview(resize(jpeg(1600, 1200)).thumbnail.placeholder)
    assert max(image.size) <= 32
    own, another = (scene(1600, 1200, seed).resize(image.size, Image.Resampling.LANCZOS) for seed in (0, 1))
    assert difference(image, own) < difference(image, another) / 2


@pytest.mark.parametrize("size", [(512, 512), (24, 24), (32, 31), (1, 1), (5000, 1)])
def test_the_placeholder_of_noise_fits_its_column(size: tuple[int, int]) -> None:
    assert len(resize(encoded(noise(size), "PNG")).thumbnail.placeholder) < 1500  # the column has 2000


def test_a_file_that_is_not_an_image_is_unreadable() -> None:
    with pytest.raises(UnreadableImageError):
        resize(b"hello")
