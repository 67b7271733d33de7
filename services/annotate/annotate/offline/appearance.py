"""The colours, light and format of a picture."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SAMPLE_SIDE = 64  # colours are counted in a square sample with this side, in pixels
_MIN_SHARE = 0.12  # the part of the picture that a colour needs to be named
_MAX_COLOURS = 2

_HUES = (
    (15, "red"),
    (42, "orange"),
    (68, "yellow"),
    (165, "green"),
    (195, "turquoise"),
    (255, "blue"),
    (300, "purple"),
    (345, "pink"),
    (360, "red"),
)
"""Where each colour ends on the colour circle, in degrees."""


@dataclass(frozen=True)
class Appearance:
    """Colours, the most common first; "dark", "bright" or ""; landscape, portrait, square or panorama."""

    colours: tuple[str, ...]
    light: str
    format: str


def appearance(image: Image.Image) -> Appearance:
    """Describe an RGB picture of any size."""
    sample = image.resize((_SAMPLE_SIDE, _SAMPLE_SIDE), Image.Resampling.BOX).convert("HSV")
    hue, saturation, value = np.asarray(sample, np.float32).reshape(-1, 3).T / 255
    names, counts = np.unique(_colour_names(hue * 360, saturation, value), return_counts=True)
    by_share = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda pair: -pair[1])
    common = tuple(name for name, count in by_share[:_MAX_COLOURS] if count >= _MIN_SHARE * len(hue))
    brightness = float(value.mean())
    return Appearance(
        colours=common,
        light="dark" if brightness < 0.3 else "bright" if brightness > 0.75 else "",
        format=_format(*image.size),
    )


def _colour_names(hue: NDArray[Any], saturation: NDArray[Any], value: NDArray[Any]) -> NDArray[Any]:
    """Return the colour name of each pixel. Hue is in degrees, saturation and value are from 0 to 1."""
    ends, names = zip(*_HUES, strict=True)
    chromatic = np.array(names)[np.searchsorted(ends[:-1], hue, side="right")]
    is_brown = np.isin(chromatic, ["red", "orange", "yellow"]) & (value < 0.55)
    return np.select(
        [value < 0.2, (saturation < 0.15) & (value > 0.85), saturation < 0.15, is_brown],
        ["black", "white", "grey", "brown"],
        chromatic,
    )


def _format(width: int, height: int) -> str:
    if max(width, height) > 2 * min(width, height):
        return "panorama"
    return "landscape" if width > 1.03 * height else "portrait" if height > 1.03 * width else "square"
