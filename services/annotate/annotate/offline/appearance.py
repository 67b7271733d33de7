"""The colours, light and format of a picture, and what they reveal: a blue sky, plants, a drawing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SAMPLE_SIDE = 64  # colours are counted in a square sample with this side, in pixels
_MIN_SHARE = 0.12  # the part of the picture that a colour needs to be named

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

_GREYS = {"black", "white", "grey"}
_WARM = ("red", "orange", "yellow", "brown")


@dataclass(frozen=True)
class Appearance:
    """How a picture looks; shares are from 0 to 1.

    Attributes:
        colours: up to two common colours, the most common first.
        light: "dark", "bright" or "".
        format: "landscape", "portrait", "square" or "panorama".
        colourless: whether it is black and white.
        warm: the share of warm colours.
        green: the share of green, dark green too.
        blue_sky: whether its upper third is blue and its lower third is not.
        flat: the share of pixels that equal their neighbours: nearly 1 in drawings, nearly 0 in photos.
    """

    colours: tuple[str, ...]
    light: str
    format: str
    colourless: bool = False
    warm: float = 0
    green: float = 0
    blue_sky: bool = False
    flat: float = 0


def appearance(image: Image.Image) -> Appearance:
    """Describe an RGB picture of any size."""
    sample = image.resize((_SAMPLE_SIDE, _SAMPLE_SIDE), Image.Resampling.BOX).convert("HSV")
    hue, saturation, value = np.moveaxis(np.asarray(sample, np.float32) / 255, 2, 0)
    colours = _colour_names(hue * 360, saturation, value)
    names, counts = np.unique(colours, return_counts=True)
    shares = dict(zip(names.tolist(), (counts / colours.size).tolist(), strict=True))
    brightness = float(value.mean())
    third = _SAMPLE_SIDE // 3
    blue = (colours == "blue") & (value > 0.4)
    common = sorted((name for name in shares if shares[name] >= _MIN_SHARE), key=lambda name: -shares[name])
    return Appearance(
        colours=_named(common),
        light="dark" if brightness < 0.3 else "bright" if brightness > 0.75 else "",
        format=_format(*image.size),
        colourless=float(saturation.mean()) < 0.02,
        warm=sum(shares.get(name, 0) for name in _WARM),
        green=float(np.mean((_hue_names(hue * 360) == "green") & (saturation > 0.2) & (value > 0.08))),
        blue_sky=bool(blue[:third].mean() > 0.6 and blue[-third:].mean() < 0.4),
        flat=_flatness(image),
    )


def _named(common: list[str]) -> tuple[str, ...]:
    """Return the first two colours; if both are greys, the next colour that is not a grey replaces the second."""
    hues = [name for name in common if name not in _GREYS]
    return (common[0], hues[0]) if hues and set(common[:2]) <= _GREYS else tuple(common[:2])


def _flatness(image: Image.Image) -> float:
    pixels = np.asarray(image)
    here = pixels[1:, 1:]
    if not here.size:
        return 0.0
    return float(((here == pixels[:-1, 1:]) & (here == pixels[1:, :-1])).all(axis=2).mean())


def _colour_names(hue: NDArray[Any], saturation: NDArray[Any], value: NDArray[Any]) -> NDArray[Any]:
    """Return the colour name of each pixel. Hue is in degrees, saturation and value are from 0 to 1."""
    chromatic = _hue_names(hue)
    is_brown = np.isin(chromatic, ["red", "orange", "yellow"]) & (value < 0.55)
    return np.select(
        [value < 0.2, (saturation < 0.15) & (value > 0.85), saturation < 0.15, is_brown],
        ["black", "white", "grey", "brown"],
        chromatic,
    )


def _hue_names(hue: NDArray[Any]) -> NDArray[Any]:
    ends, names = zip(*_HUES, strict=True)
    named: NDArray[Any] = np.array(names)[np.searchsorted(ends[:-1], hue, side="right")]
    return named


def _format(width: int, height: int) -> str:
    if max(width, height) > 2 * min(width, height):
        return "panorama"
    return "landscape" if width > 1.03 * height else "portrait" if height > 1.03 * width else "square"
