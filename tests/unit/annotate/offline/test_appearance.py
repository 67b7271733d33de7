"""Colours, light and format of a picture."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from annotate.offline.appearance import appearance
from support import photos


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#e02020", "red"),
        ("#e02040", "red"),
        ("#f08020", "orange"),
        ("#f0e020", "yellow"),
        ("#20a030", "green"),
        ("#20c0c0", "turquoise"),
        ("#2040d0", "blue"),
        ("#8020c0", "purple"),
        ("#f040c0", "pink"),
        ("#70401a", "brown"),
        ("white", "white"),
        ("#808080", "grey"),
        ("black", "black"),
    ],
)
def test_a_picture_of_one_colour_has_that_colour(colour: str, name: str) -> None:
    assert appearance(Image.new("RGB", (300, 200), colour)).colours == (name,)


def test_the_two_most_common_colours_are_named_in_order() -> None:
    picture = Image.new("RGB", (100, 100), "blue")
    picture.paste("green", (0, 70, 100, 100))
    picture.paste("red", (0, 0, 50, 30))
    assert appearance(picture).colours == ("blue", "green")


def test_a_colour_precedes_a_second_grey() -> None:
    picture = Image.new("RGB", (100, 100), "black")
    picture.paste("white", (0, 0, 100, 30))
    picture.paste("green", (0, 30, 100, 50))
    assert appearance(picture).colours == ("black", "green")


def test_a_spot_of_colour_is_not_named() -> None:
    picture = Image.new("RGB", (100, 100), "white")
    picture.paste("red", (0, 0, 20, 20))
    assert appearance(picture).colours == ("white",)


@pytest.mark.parametrize(("grey", "light"), [(20, "dark"), (128, ""), (240, "bright")])
def test_unusual_light_is_named(grey: int, light: str) -> None:
    assert appearance(Image.new("RGB", (100, 100), (grey, grey, grey))).light == light


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((400, 300), "landscape"),
        ((300, 400), "portrait"),
        ((400, 395), "square"),
        ((900, 300), "panorama"),
        ((1, 1), "square"),
    ],
)
def test_the_format_depends_on_the_sides(size: tuple[int, int], expected: str) -> None:
    assert appearance(Image.new("RGB", size)).format == expected


@settings(max_examples=30)
@given(size=st.tuples(st.integers(1, 50), st.integers(1, 50)), colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_every_colour_has_a_name(size: tuple[int, int], colour: tuple[int, int, int]) -> None:
    assert len(appearance(Image.new("RGB", size, colour)).colours) == 1


@pytest.mark.parametrize(("colour", "expected"), [("#808080", True), ("#80a0c0", False)])
def test_a_picture_without_colours_is_colourless(colour: str, expected: bool) -> None:
    assert appearance(Image.new("RGB", (100, 100), colour)).colourless is expected


def test_warm_and_green_shares() -> None:
    picture = Image.new("RGB", (100, 100), "#f08020")
    picture.paste("#104010", (0, 75, 100, 100))
    look = appearance(picture)
    assert (look.warm, look.green) == pytest.approx((0.75, 0.25), abs=0.02)


@pytest.mark.parametrize(("below", "expected"), [("#a08060", True), ("#2060d0", False)])
def test_a_blue_sky_is_above_something_else(below: str, expected: bool) -> None:
    picture = Image.new("RGB", (100, 100), "#60a0e0")
    picture.paste(below, (0, 50, 100, 100))
    assert appearance(picture).blue_sky is expected


def test_drawings_are_flat_and_photos_are_not() -> None:
    assert appearance(photos.clock()).flat > 0.8
    assert appearance(photos.textured(photos.clock())).flat < 0.1


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("colour", ["black", "white"])
def test_thin_pictures_have_an_appearance(size: tuple[int, int], colour: str) -> None:
    look = appearance(Image.new("RGB", size, colour))
    assert look.colours == (colour,)
    assert look.colourless
