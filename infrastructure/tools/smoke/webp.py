"""Reads the size of a WebP picture without an imaging library."""

import struct


def webp_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a WebP file.

    Formats: https://www.rfc-editor.org/rfc/rfc9649, lossy pictures https://www.rfc-editor.org/rfc/rfc6386#section-9.1

    Raises:
        ValueError: it is not a complete WebP file.
    """
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise ValueError("it is not a WebP file")
    if struct.unpack_from("<I", data, 4)[0] + 8 != len(data):
        raise ValueError("the file is truncated")
    kind, content = data[12:16], data[20:]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(content[4:7], "little") + 1, int.from_bytes(content[7:10], "little") + 1
    raise ValueError("the WebP file contains no picture")
