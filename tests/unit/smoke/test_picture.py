"""The picture of the smoke test is a real one, and the size of its thumbnail is read rightly."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from smoke.picture import HEIGHT, WIDTH, draw
from smoke.webp import webp_size
from support import photos

SIDES = st.integers(1, 600)


def test_it_is_a_picture_with_a_scene_in_it() -> None:
    with Image.open(io.BytesIO(draw("a")), formats=["PNG"]) as image:
        image.load()
        assert (image.size, image.mode) == ((WIDTH, HEIGHT), "RGB")
        assert len(image.getcolors(1000) or []) > 100


def test_it_is_the_same_for_the_same_name_and_another_for_another() -> None:
    assert draw("a") == draw("a") != draw("b")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])  # transparency makes the extended format
@pytest.mark.parametrize("lossless", [False, True])
@given(width=SIDES, height=SIDES)
def test_the_size_of_every_kind_of_webp_is_known(mode: str, lossless: bool, width: int, height: int) -> None:
    image = Image.new(mode, (width, height), (10, 20, 30, 40)[: len(mode)])
    assert webp_size(photos.encoded(image, "WEBP", lossless=lossless)) == (width, height)


def test_what_is_cut_off_has_no_size() -> None:
    with pytest.raises(ValueError, match="it is truncated"):
        webp_size(photos.encoded(photos.scene(), "WEBP")[:-1])
