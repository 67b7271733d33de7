"""Converts decoded pixels to 8 bits per channel and to sRGB."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

from PIL import Image, ImageCms
from PIL.ImageFile import ImageFile

from imaging.stripped import MAX_PROFILE_BYTES


def eight_bit(source: ImageFile) -> Image.Image:
    """Return a loaded picture in a mode whose channels can be averaged: L, LA, RGB, RGBA or CMYK."""
    if source.mode.startswith("I"):  # 16-bit grey, which `convert` would clip instead of scale
        grey = source.point(lambda value: value * (1 / 256)).convert("L")
        return _with_transparent_level(source.info.get("transparency"), source, grey)
    if source.mode in ("1", "L"):
        return _with_transparent_level(source.info.get("transparency"), source, source.convert("L"))
    mode = source.mode if source.mode in ("LA", "RGB", "RGBA", "CMYK") else "RGB"
    if source.has_transparency_data and mode not in ("LA", "RGBA"):  # of a palette, or one transparent colour
        mode = "RGBA"
    return source if mode == source.mode else source.convert(mode)


def _with_transparent_level(level: object, source: Image.Image, grey: Image.Image) -> Image.Image:
    """Make the pixels transparent that have this level of grey in the source."""
    if isinstance(level, int):
        deep = source.mode.startswith("I")
        samples = source.convert("I") if deep else grey
        grey.putalpha(samples.point([255 * (value != level) for value in range(2**16 if deep else 2**8)], "L"))
    return grey


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an RGB or RGBA picture in sRGB, the colour space that browsers assume without a profile."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert(image.mode.removesuffix("A")) if alpha else image  # the transformation does not support LA
    converted = None
    if profile and len(profile) <= MAX_PROFILE_BYTES:
        # Damaged, with a header that is not ASCII, or for another mode: ignored, as browsers do.
        with suppress(ImageCms.PyCMSError, OSError, UnicodeDecodeError):
            given = ImageCms.ImageCmsProfile(BytesIO(profile))
            if given.profile.xcolor_space == "GRAY" and _is_grey(colours):
                colours = colours.getchannel(0)
            transform = ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), colours.mode, "RGB")
            converted = transform.apply(colours)
    colours = converted or colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours


def _is_grey(colours: Image.Image) -> bool:
    """Tell whether an RGB picture has only greys: decoders return grey with alpha as RGBA."""
    return colours.mode == "RGB" and len({band.tobytes() for band in colours.split()}) == 1
