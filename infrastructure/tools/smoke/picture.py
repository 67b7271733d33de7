"""Draws a picture in code; each name gives a different one."""

import hashlib
import math
import struct
import zlib

WIDTH, HEIGHT = 640, 400
HORIZON = 250


def draw(name: str) -> bytes:
    """Return a PNG file: a sun over two hills, in colours derived from the name.

    https://www.w3.org/TR/png-3/
    """
    dice = hashlib.sha256(name.encode()).digest()
    sky, sun, far, near = ((150, 190, 255), (255, 220, 90), (70, 130, 80), (40, 95, 50))
    tints = [
        tuple(channel - dice[3 * n + i] % 40 for i, channel in enumerate((sky, sun, far, near)[n])) for n in range(4)
    ]
    discs = (
        (120 + dice[12], 60 + dice[13] // 4, 45, tints[1]),
        (180 + dice[14] // 2, HORIZON + 330, 360, tints[2]),
        (430 + dice[15] // 2, HORIZON + 260, 270, tints[3]),
    )
    rows = bytearray()
    for y in range(HEIGHT):
        fade = y / HEIGHT
        row = bytearray(bytes(round(c + (255 - c) * fade) for c in tints[0]) * WIDTH)
        for x, middle, radius, colour in discs:
            half = math.isqrt(max(0, radius**2 - (y - middle) ** 2))
            left, right = max(0, x - half), min(WIDTH, x + half)
            row[3 * left : 3 * right] = bytes(colour) * (right - left)
        rows += b"\0" + row
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
