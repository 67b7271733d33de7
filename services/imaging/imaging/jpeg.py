"""Reads the segments of a JPEG: those that its pixels need, and the metadata that affect how it is shown.

Segments: ISO/IEC 10918-1, annex B. Colour profiles: ICC.1:2022, B.4. Adobe's segment: ITU-T T.872, 6.5.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from imaging.stripped import Stripped

# Any marker except restart markers and the stuffed zeros of coded data (B.1.1).
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_WITHOUT_LENGTH = frozenset({0x01, 0xD8, 0xD9})
_START_OF_SCAN, _END_OF_IMAGE, _NUMBER_OF_LINES, _COMMENT = 0xDA, 0xD9, 0xDC, 0xFE
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL_FRAMES = frozenset({0xC0, 0xC1, 0xC9})
_APPLICATION = frozenset(range(0xE0, 0xF0))
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_BETWEEN_SCANS = _TABLES | _APPLICATION | {_START_OF_SCAN, _NUMBER_OF_LINES, _COMMENT}

END_OF_IMAGE = b"\xff\xd9"
FILLING = bytes((91 + number * 37) % 255 for number in range(1024)) + END_OF_IMAGE
"""Meaningless coded data and an end marker. It changes the pixels only if some were missing."""


@dataclass(frozen=True)
class Jpeg(Stripped):
    """A JPEG without metadata.

    Attributes:
        scans: the number of passes over the pixels; about ten in a progressive JPEG.
        ends: whether the file had an end marker; `data` always has one.
    """

    scans: int = 0
    ends: bool = False


def strip(data: bytes) -> Jpeg:
    """Keep the segments that the pixels need. Junk between segments and data after the picture are dropped."""
    kept: list[bytes | memoryview] = [data[:2]]
    exif = b""
    profile: dict[int, bytes] = {}
    fragments = components = 0
    is_sequential = False
    for kind, start, end in _segments(data):
        body = data[start + 4 : end]
        if kind == _START_OF_SCAN:
            has_one_scan = is_sequential and body[:1] == bytes([components])
            stop, scans, ends = _coded_data(data, end, has_one_scan)
            kept += [memoryview(data)[start:stop], b"" if ends else END_OF_IMAGE]
            icc = b"".join(profile[number] for number in sorted(profile)) if len(profile) == fragments else b""
            return Jpeg(b"".join(kept), exif, icc, scans, ends)
        if kind in _FRAMES and len(body) > 5:
            components, is_sequential = body[5], kind in _SEQUENTIAL_FRAMES
        if kind in _FRAMES or kind in _TABLES or _defines_colours(kind, body):
            kept.append(data[start:end])
        elif kind == _APP1 and body.startswith(b"Exif\0\0"):
            exif = exif or body
        elif kind == _APP2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            profile[body[12]], fragments = body[14:], body[13]
    return Jpeg(b"".join(kept))


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the kind, start and end of each segment; one with an impossible length is skipped like junk."""
    position = 2
    while marker := _MARKER.search(data, position):
        position = marker.end()
        kind = data[position - 1]
        if kind == _END_OF_IMAGE:
            return
        if end := _end(data, kind, position):
            yield kind, marker.start(), end
            position = end


def _end(data: bytes, kind: int, position: int) -> int:
    """Return where a segment ends; 0 if its length, which is at `position` and counts its own two bytes, is wrong."""
    if kind in _WITHOUT_LENGTH:
        return 0
    length = int.from_bytes(data[position : position + 2])
    return position + length if 2 <= length <= len(data) - position else 0


def _coded_data(data: bytes, position: int, has_one_scan: bool) -> tuple[int, int, bool]:
    """Return where the picture ends, its number of scans, and whether it has an end marker.

    Without an end marker, the picture ends at the first marker that belongs to something else, such as a video.

    Args:
        data: the file.
        position: where the coded data of the first scan begin.
        has_one_scan: whether another scan would belong to another picture.
    """
    scans = 1
    while marker := _MARKER.search(data, position):
        kind = data[marker.end() - 1]
        if kind == _END_OF_IMAGE:
            return marker.end(), scans, True
        position = _end(data, kind, marker.end())
        if has_one_scan or kind not in _BETWEEN_SCANS or not position:
            return marker.start(), scans, False
        scans += kind == _START_OF_SCAN
    return len(data.rstrip(b"\xff")), scans, False


def _defines_colours(kind: int, body: bytes) -> bool:
    """Return whether a segment tells how the picture's components form its colours."""
    is_jfif = kind == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14
    is_adobe = kind == _APP14 and body.startswith(b"Adobe") and len(body) >= 12
    return is_jfif or is_adobe
