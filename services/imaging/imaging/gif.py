"""Clears what the first frame of a GIF does not cover."""

from __future__ import annotations

from PIL import Image


def clear_around(canvas: Image.Image, frame: tuple[int, int, int, int] | None) -> Image.Image:
    """Make the canvas around a frame transparent, as browsers do; Pillow fills it with the first colour.

    Args:
        canvas: the decoded picture.
        frame: the left, top, right and bottom edge of its first frame.
    """
    # Pillow has filled it with the transparent colour if there is one.
    if frame is None or frame == (0, 0, *canvas.size) or canvas.has_transparency_data:
        return canvas
    covered = Image.new("L", canvas.size)
    covered.paste(255, frame)
    canvas.putalpha(covered)
    return canvas
