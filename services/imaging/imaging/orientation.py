"""Reads a photo's orientation from EXIF metadata, even if other entries are damaged."""

from __future__ import annotations

import struct

UPRIGHT = 1
SWAPS_SIDES = frozenset({5, 6, 7, 8})
"""Orientations that exchange width and height."""

_ORIENTATION = 0x0112
_SHORT = 3
_ENTRY_BYTES = 12


def read_orientation(exif: bytes) -> int:
    """Return the orientation in EXIF metadata, 1 to 8; 1 if it is missing or damaged.

    Only the first directory is read, entry by entry, because offsets in a damaged one can point anywhere.
    https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E (4.6.2, 4.6.4), TIFF 6.0 (section 2)
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for number in range(count):
            tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + number * _ENTRY_BYTES)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and values == 1 and 1 <= value <= 8 else UPRIGHT
    except struct.error:  # the data end too early
        pass
    return UPRIGHT
