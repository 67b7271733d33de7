"""Writes HEIF and AVIF containers around coded pictures. ISO/IEC 14496-12 (boxes) and 23008-12 (items)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


def box(kind: bytes, *contents: bytes) -> bytes:
    """Return a box."""
    content = b"".join(contents)
    return struct.pack(">I", 8 + len(content)) + kind + content


def full_box(kind: bytes, *contents: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *contents)


@dataclass(frozen=True)
class Item:
    """An item of a file; its number is its place among the items, counted from 1.

    Attributes:
        kind: its type, such as `hvc1`, `av01`, `grid` or `Exif`.
        data: its content.
        properties: boxes that describe it; transformations are applied in this order.
        references: the items that it refers to, by type of reference.
        hidden: whether it is only a part of another picture.
    """

    kind: bytes
    data: bytes
    properties: Sequence[bytes] = ()
    references: Mapping[bytes, Sequence[int]] = field(default_factory=dict)
    hidden: bool = False


def container(items: Sequence[Item], *brands: bytes, primary: int = 1) -> bytes:
    """Return a file of items; the first brand is the major one."""
    kinds = box(b"ftyp", brands[0], bytes(4), *brands)
    properties = list(dict.fromkeys(each for item in items for each in item.properties))
    entries = [
        full_box(b"infe", struct.pack(">HH4sB", number, 0, item.kind, 0), version=2, flags=item.hidden)
        for number, item in enumerate(items, 1)
    ]
    associations = [
        struct.pack(">HB", number, len(item.properties))
        # Transformations and configurations are essential (6.5.1).
        + bytes(properties.index(each) + 1 | 0x80 * (each[4:8] in _ESSENTIAL) for each in item.properties)
        for number, item in enumerate(items, 1)
        if item.properties
    ]
    references = [
        box(kind, struct.pack(f">HH{len(others)}H", number, len(others), *others))
        for number, item in enumerate(items, 1)
        for kind, others in item.references.items()
    ]

    def meta(start: int) -> bytes:
        places = b""
        for number, item in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, start, len(item.data))
            start += len(item.data)
        return full_box(
            b"meta",
            full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", struct.pack(">H", primary)),
            full_box(b"iloc", b"\x44\0", struct.pack(">H", len(items)), places),
            full_box(b"iinf", struct.pack(">H", len(items)), *entries),
            full_box(b"iref", *references) if references else b"",
            box(
                b"iprp",
                box(b"ipco", *properties),
                full_box(b"ipma", struct.pack(">I", len(associations)), *associations),
            ),
        )

    start = len(kinds) + len(meta(0)) + 8
    return kinds + meta(start) + box(b"mdat", *(item.data for item in items))


_ESSENTIAL = (b"hvcC", b"av1C", b"irot", b"imir", b"clap")


def coded(file: bytes, kind: bytes) -> Item:
    """Return the picture in a file of one item."""
    boxes = dict(_boxes(file))
    described = dict(_boxes(dict(_boxes(boxes[b"meta"][4:]))[b"iprp"]))
    kept = (b"ispe", b"pixi", b"colr", b"hvcC", b"av1C", b"clap")
    return Item(
        kind, boxes[b"mdat"], [box(name, content) for name, content in _boxes(described[b"ipco"]) if name in kept]
    )


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        length = length or len(data) - position
        yield kind, data[position + 8 : position + length]
        position += length


def size(width: int, height: int) -> bytes:
    """Return the property with the size of a picture, before any rotation."""
    return full_box(b"ispe", struct.pack(">II", width, height))


def crop(width: int, height: int) -> bytes:
    """Return the property that keeps only the middle of a picture (ISO/IEC 14496-12, 12.1.4)."""
    return box(b"clap", struct.pack(">8I", width, 1, height, 1, 0, 1, 0, 1))


def grid(tiles: Sequence[Item], columns: int, width: int, height: int) -> list[Item]:
    """Return a picture made of tiles in rows (23008-12, 6.6.2.3), and the tiles."""
    layout = struct.pack(">BBBBHH", 0, 0, len(tiles) // columns - 1, columns - 1, width, height)
    described = [each for each in tiles[0].properties if each[4:8] in (b"pixi", b"colr")]
    numbers = range(2, 2 + len(tiles))
    whole = Item(b"grid", layout, [size(width, height), *described], {b"dimg": numbers})
    return [whole, *(Item(each.kind, each.data, each.properties, hidden=True) for each in tiles)]
