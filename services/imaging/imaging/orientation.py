"""Reads a photo's orientation from EXIF metadata, even if other entries are damaged."""

from __future__ import annotations

from imaging.exif import SHORT, Exif

UPRIGHT = 1
SWAPS_SIDES = frozenset({5, 6, 7, 8})
"""Orientations that exchange width and height."""

_ORIENTATION = 0x0112


def read_orientation(metadata: bytes) -> int:
    """Return the orientation in EXIF metadata, 1 to 8; 1 if it is missing or damaged.

    https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E (4.6.4)
    """
    exif = Exif(metadata)
    for entry in exif.entries():
        if entry.tag == _ORIENTATION:
            value = exif.short(entry.value)
            return value if entry.kind == SHORT and entry.count == 1 and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
