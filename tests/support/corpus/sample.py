"""A picture file and what it shows; the drawings that most files contain."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageFilter

from support.photos import scene

SIZE = (56, 48)
"""Nearly square: then the offline tagger looks at one crop instead of three."""
SCENE = scene(*SIZE).filter(ImageFilter.GaussianBlur(2))
"""Smooth, so that no encoder changes it much."""
ALPHA = Image.linear_gradient("L").resize(SIZE)
"""Transparent at the top, opaque at the bottom."""


@dataclass(frozen=True)
class Sample:
    """A file, and the upright RGB picture that a browser shows for it on a white page, if that is known."""

    data: bytes
    shown: Image.Image | None


def on_white(picture: Image.Image) -> Image.Image:
    """Return a picture as RGB; white shows through its transparent pixels."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def translucent(picture: Image.Image) -> Image.Image:
    """Return a copy of an L or RGB picture with the alpha channel `ALPHA`."""
    copy = picture.copy()
    copy.putalpha(ALPHA.resize(picture.size))
    return copy


def quarters(width: int = 64, height: int = 64) -> Image.Image:
    """Draw quarters: red and green above blue and white."""
    pixels = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])
    return Image.frombytes("RGB", (2, 2), pixels).resize((width, height), Image.Resampling.NEAREST)


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
"""For each orientation, how a camera turns an upright picture before it stores it."""


def stored(picture: Image.Image, orientation: int) -> Image.Image:
    """Return an upright picture as a camera with this EXIF orientation stores it."""
    turn = STORED[orientation]
    return picture if turn is None else picture.transpose(turn)


SIZES = [(1, 1), (1, 2), (3, 1), (7, 5), (1, 900), (1500, 20)]
"""One pixel, one row or column, odd sides, extreme shapes, larger than a thumbnail."""


def drawn(size: tuple[int, int]) -> Image.Image:
    """Draw a picture of any size, in one hue so that coarse colours do not change it."""
    slope = Image.linear_gradient("L").rotate(90).resize(size)
    return Image.merge("RGB", [slope.point(lambda level, base=base: base + level // 2) for base in (40, 60, 90)])
