"""GIFs whose first frame does not cover the canvas."""

import pytest
from PIL import Image

from imaging.decode import decode
from support.corpus.gifs import Frame, written
from unit.imaging.samples import colour

CANVAS = (64, 64)
FRAMES = {
    "colours": Image.new("RGB", (32, 32), "red").quantize(2),
    # Pillow opens a table of all greys in order as greyscale.
    "greys": Image.new("L", (32, 32), 255).convert("P"),
}


def assert_only_the_middle_is_opaque(data: bytes) -> None:
    image = decode(data, 64).image
    assert image.mode == "RGBA"
    assert colour(image)[3] == 255
    for corner in ((0, 0), (0.9, 0), (0, 0.9), (0.9, 0.9)):
        assert colour(image, *corner)[3] == 0


@pytest.mark.parametrize("picture", FRAMES.values(), ids=FRAMES)
def test_the_canvas_around_the_first_frame_is_transparent(picture: Image.Image) -> None:
    assert_only_the_middle_is_opaque(written(CANVAS, Frame(picture, (16, 16)), table=picture, background=1))


def test_the_canvas_around_a_frame_with_a_transparent_colour_is_transparent() -> None:
    picture = FRAMES["colours"]
    (used,) = set(picture.tobytes())
    frame = Frame(picture, (16, 16), transparent=1 - used)
    assert_only_the_middle_is_opaque(written(CANVAS, frame, table=picture))


def test_a_canvas_without_an_area_has_the_size_of_the_first_frame() -> None:
    picture = FRAMES["colours"]
    assert decode(written((0, 0), Frame(picture), table=picture), 64).image.size == (32, 32)


def test_a_frame_beyond_the_canvas_enlarges_it() -> None:
    picture = FRAMES["colours"]
    assert decode(written((20, 20), Frame(picture, (16, 16)), table=picture), 64).image.size == (48, 48)
