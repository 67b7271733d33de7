"""Count the scans of a JPEG, which its header does not tell."""

import re

# A marker outside of the restart markers and of stuffed zeros within coded data (ISO/IEC 10918-1, B.1.1).
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_START_OF_IMAGE = 0xD8
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA


def count_scans(data: bytes) -> int:
    """Return how many scans a JPEG has before its end; what follows the end, such as a video, does not count.

    Each scan of a progressive JPEG passes over all its pixels, however few bytes the scan has itself.
    """
    scans = 0
    position = 0
    while marker := _MARKER.search(data, position):
        position = marker.end()
        kind = data[position - 1]
        if kind == _END_OF_IMAGE:
            break
        if kind == _START_OF_SCAN:
            scans += 1
        if kind != _START_OF_IMAGE:  # the others begin with their length, which counts its own two bytes
            position += int.from_bytes(data[position : position + 2])
    return scans
