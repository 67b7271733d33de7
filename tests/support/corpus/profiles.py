"""Colour profiles that we write ourselves, and pictures in their colours.

https://www.color.org/specification/ICC.1-2022-05.pdf
"""

from __future__ import annotations

import io
import struct
from itertools import product

from PIL import Image, ImageCms

from support.photos import SRGB

_D50 = (0.9642, 1.0, 0.8249)


def _fixed(*numbers: float) -> bytes:
    """Return numbers of type s15Fixed16 (4.6)."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _gamma(exponent: float) -> bytes:
    """Return a curve with one exponent, of type u8Fixed8 (10.6)."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Return a profile of version 2.1 (7.2, 7.3)."""
    start = 128 + 4 + 12 * len(tags)
    table, data = [struct.pack(">I", len(tags))], b""
    for name, content in tags.items():
        table.append(struct.pack(">4sII", name, start + len(data), len(content)))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(data), bytes(4), 0x02100000, kind, space, connection)
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _fixed(*_D50)
    return header.ljust(128, b"\0") + b"".join(table) + data


def _matrix(red: tuple[float, ...], green: tuple[float, ...], blue: tuple[float, ...], exponent: float) -> bytes:
    """Return a profile for RGB, from the XYZ of its primaries relative to D50 (8.3.3)."""
    colorants = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, (red, green, blue)), strict=True))
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(exponent))
    return _profile(b"mntr", b"RGB ", b"XYZ ", {b"wtpt": _xyz(_D50), **colorants, **curves})


def _swapped_inks() -> bytes:
    """Return a profile for a press without black whose cyan and magenta are exchanged (8.4.2, 10.11)."""
    lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    nodes = b""
    for magenta, cyan, yellow, _ in product((255, 0), repeat=4):
        pixel = lab.apply(Image.new("RGB", (1, 1), (cyan, magenta, yellow))).tobytes()
        nodes += bytes([pixel[0], pixel[1] ^ 0x80, pixel[2] ^ 0x80])
    identity = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table = head + identity * 4 + nodes + identity * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(_D50), b"A2B0": table})


RGB = {
    "sRGB": SRGB,
    # The primaries' chromaticities, adapted to D50 by Bradford's transformation.
    "Display P3": _matrix((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841), 2.2),
    "Adobe RGB": _matrix((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446), 2.2),
}
GREY = _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(_D50), b"kTRC": _gamma(1)})
"""Linear light, which looks much too dark if the profile is ignored."""
CMYK = _swapped_inks()
WRONG = {
    "half a profile": SRGB[: len(SRGB) // 2],
    "meaningless profile": b"no profile",
    "profile without tags": _profile(b"mntr", b"RGB ", b"XYZ ", {}),
}
"""Profiles that browsers ignore."""

UNUSABLE = {"half a profile": WRONG["half a profile"], "profile for grey": GREY}
"""A damaged profile and one for another kind of picture: enough for the formats that share JPEG's conversion."""


def in_space(picture: Image.Image, profile: bytes) -> Image.Image:
    """Return an L or RGB picture in the colours of a profile, which make it look like the original."""
    given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.buildTransform(srgb, given, "RGB", picture.mode).apply(picture.convert("RGB"))
    assert converted is not None
    return converted
