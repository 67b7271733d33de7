"""Photos of one colour each, so that a thumbnail or a caption identifies its photo."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from PIL import Image

from support import photos

_LEVELS = range(2, 255, 42)  # far enough apart to stay distinct after JPEG and WebP compression
_COLOURS = list(itertools.product(_LEVELS, repeat=3))
_NUMBERS = itertools.cycle(range(0, len(_COLOURS) * 100, 100))

SIZE = (320, 240)


def colour_of(picture: Image.Image) -> str:
    """Return the colour in the middle of a picture, such as #2c80fe."""
    width, height = picture.size
    pixel = picture.convert("RGB").getpixel((width // 2, height // 2))
    assert isinstance(pixel, tuple)
    return _name(tuple(min(_LEVELS, key=lambda level: abs(level - channel)) for channel in pixel))


def _name(colour: tuple[int, ...]) -> str:
    return "#" + bytes(colour).hex()


@dataclass(frozen=True)
class Picture:
    """A picture of a unique colour; colours repeat after 343."""

    colour: str = field(default_factory=lambda: _name(_COLOURS[next(_NUMBERS) % len(_COLOURS)]))

    def jpeg(self) -> bytes:
        """Return the picture as a JPEG file."""
        return photos.encoded(Image.new("RGB", SIZE, self.colour), "JPEG", quality=90)


@dataclass(frozen=True)
class Photo:
    """An uploaded picture."""

    id: str
    picture: Picture
