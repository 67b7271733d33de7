"""Reads the chunks of a PNG: those that its pixels need, and the metadata that affect how it is shown.

https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from imaging.stripped import MAX_PROFILE_BYTES, Stripped

_SIGNATURE_BYTES = 8
_HEADER_BYTES = 13
_GREY, _COLOUR, _PALETTE = 0, 2, 3
_CHANNELS = {_GREY: 1, _COLOUR: 3, _PALETTE: 1, 4: 2, 6: 4}
# Of each pass of an interlaced picture: first column and row, and the steps between columns and rows (section 8.1).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_BLOCK_BYTES = 2**16


def strip(data: bytes) -> Stripped:
    """Keep the chunks that the pixels need. Metadata with a wrong checksum or length are dropped, as browsers do."""
    kept: list[bytes | memoryview] = [data[:_SIGNATURE_BYTES]]
    exif = profile = b""
    depth = colour = -1
    for kind, start, end in _chunks(data):
        if kind == b"IDAT" or (kind == b"PLTE" and colour == _PALETTE):
            is_whole = end + 4 <= len(data)
            kept.append(memoryview(data)[start - 8 : end + 4] if is_whole else _chunk(kind, data[start:end]))
        elif kind == b"IHDR" and end - start == _HEADER_BYTES:
            depth, colour = data[start + 8], data[start + 9]
            kept.append(data[start - 8 : end + 4])
        elif kind in (b"tRNS", b"iCCP", b"eXIf") and _is_sound(data, start, end):
            body = data[start:end]
            if kind == b"tRNS":
                kept.append(_transparency(body, depth, colour))
            elif kind == b"iCCP":
                profile = profile or _inflated_profile(body)
            else:
                exif = exif or body
    return Stripped(b"".join([*kept, _chunk(b"IEND", b"")]), exif, profile)


def complete(stripped: bytes) -> bytes | None:
    """Return a stripped PNG with the end of its coded pixels repaired; None if pixels are missing."""
    coded = b"".join(stripped[start:end] for kind, start, end in _chunks(stripped) if kind == b"IDAT")
    inflate, deflate = zlib.decompressobj(-zlib.MAX_WBITS), zlib.compressobj(1)
    recoded = []
    missing = _filtered_bytes(stripped[_SIGNATURE_BYTES + 8 :][:_HEADER_BYTES])
    # Without its header of two bytes, zlib does not expect a checksum.
    for start in range(2, len(coded), _BLOCK_BYTES):
        try:
            pixels = inflate.decompress(coded[start : start + _BLOCK_BYTES], missing)
        except zlib.error:
            break
        recoded.append(deflate.compress(pixels))
        missing -= len(pixels)
        if not missing:
            before = stripped[: stripped.index(b"IDAT") - 4]
            return before + _chunk(b"IDAT", b"".join([*recoded, deflate.flush()])) + _chunk(b"IEND", b"")
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each chunk before IEND, and where its content starts and ends; only the last may be cut off."""
    position = _SIGNATURE_BYTES
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        start, end = position + 8, position + 8 + length
        if kind == b"IEND":
            return
        yield kind, start, min(end, len(data))
        position = end + 4


def _is_sound(data: bytes, start: int, end: int) -> bool:
    """Return whether the chunk with this content has the right checksum."""
    return zlib.crc32(data[start - 4 : end]) == int.from_bytes(data[end : end + 4])


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _transparency(content: bytes, depth: int, colour: int) -> bytes:
    """Return a tRNS chunk as Pillow needs it; nothing if the standard does not allow the chunk here.

    Pillow scales grey samples of 2 and 4 bits up to 8, and cuts colour samples of 16 bits down to 8.
    """
    if colour == _PALETTE:
        return _chunk(b"tRNS", content)
    if len(content) != {_GREY: 2, _COLOUR: 6}.get(colour):
        return b""
    samples = struct.unpack(f">{len(content) // 2}H", content)
    if colour == _GREY and depth in (2, 4):
        samples = tuple(sample * 255 // (2**depth - 1) for sample in samples)
    elif colour == _COLOUR and depth == 16:
        samples = tuple(sample >> 8 for sample in samples)
    return _chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))


def _inflated_profile(content: bytes) -> bytes:
    """Return the profile of an iCCP chunk; nothing if it is damaged or larger than MAX_PROFILE_BYTES."""
    _, _, coded = content.partition(b"\0")
    if not coded.startswith(b"\0"):  # the only compression method
        return b""
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(coded[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if inflate.eof else b""


def _filtered_bytes(header: bytes) -> int:
    """Return the bytes of all rows of the picture with this header, each with its filter type (section 7)."""
    width, height, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * _CHANNELS[colour]
    total = 0
    for left, top, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-max(0, width - left) // across), -(-max(0, height - top) // down)
        total += rows * (1 + -(-columns * bits // 8)) if columns else 0
    return total
