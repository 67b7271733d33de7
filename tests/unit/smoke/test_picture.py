"""The smoke test's picture is valid, and it reads the size of WebP files correctly."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from smoke.picture import HEIGHT, WIDTH, draw
from smoke.webp import webp_size
from support import photos

SIDES = st.integers(1, 600)


def test_picture_shows_a_scene() -> None:
    with Image.open(io.BytesIO(draw("a")), formats=["PNG"]) as image:
        image.load()
        assert (image.size, image.mode) == ((WIDTH, HEIGHT), "RGB")
        assert len(image.getcolors(1000) or []) > 100


def test_picture_depends_on_the_name_only() -> None:
    assert draw("a") == draw("a") != draw("b")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])  # transparency makes the extended format
@pytest.mark.parametrize("lossless", [False, True])
@given(width=SIDES, height=SIDES)
def test_size_of_every_kind_of_webp(mode: str, lossless: bool, width: int, height: int) -> None:
    image = Image.new(mode, (width, height), (10, 20, 30, 40)[: len(mode)])
    assert webp_size(photos.encoded(image, "WEBP", lossless=lossless)) == (width, height)


def test_truncated_file_is_rejected() -> None:
    with pytest.raises(ValueError, match="the file is truncated"):
        webp_size(photos.encoded(photos.scene(), "WEBP")[:-1])
