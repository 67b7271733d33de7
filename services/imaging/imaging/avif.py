"""Hides an AVIF's metadata: the decoder rejects the whole picture when they are damaged."""

import re

from imaging.stripped import Stripped

# The entry of an Exif item: version 2 or 3, flags, an id of 2 or 4 bytes, 2 bytes of protection, the item type.
# ISO/IEC 14496-12, 8.11.6
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{3}.{2}|\x03.{3}.{4}).{2})Exif", re.DOTALL)
# The item itself: the distance to the TIFF header, then the header, perhaps after a prefix. ISO/IEC 23008-12, A.2.1
_EXIF = re.compile(rb"\0\0\0(?:\0|\x06Exif\0\0)(?=II\*\0|MM\0\*)")
_MOST_EXIF_BYTES = 2**16


def strip(data: bytes) -> Stripped:
    """Give Exif items a type that decoders ignore. The container has its own record of the orientation.

    The metadata are found by their first bytes instead of the container's index, which may be damaged.
    """
    hidden, items = _EXIF_ITEM.subn(rb"\1skip", data)
    found = _EXIF.search(data) if items else None
    return Stripped(hidden, hidden_exif=data[found.end() : found.end() + _MOST_EXIF_BYTES] if found else b"")
