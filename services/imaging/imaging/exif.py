"""Reads directories of EXIF metadata entry by entry, because offsets in a damaged file can point anywhere.

https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E (4.6.2), TIFF 6.0 (section 2)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SHORT, LONG, ASCII = 3, 4, 2
_ENTRY_BYTES = 12
_INLINE_BYTES = 4


@dataclass(frozen=True)
class Entry:
    """An entry of a directory.

    Attributes:
        tag: what the entry means.
        kind: the type of its values.
        count: how many values it has.
        value: its last four bytes: the value if it fits, otherwise the offset of the value.
    """

    tag: int
    kind: int
    count: int
    value: bytes


class Exif:
    """EXIF metadata, with or without the `Exif` prefix. Nothing is raised for damaged ones; they have less to say."""

    def __init__(self, metadata: bytes) -> None:
        """Read the byte order."""
        self._tiff = metadata.removeprefix(b"Exif\0\0")
        self._order = {b"II*\0": "<", b"MM\0*": ">"}.get(self._tiff[:4])

    def entries(self, pointer: bytes | None = None) -> Iterator[Entry]:
        """Yield the entries of the first directory, or of the one that another entry's value points to."""
        if self._order is None:
            return
        try:
            directory = self.number(self._tiff[4:8] if pointer is None else pointer)
            (count,) = struct.unpack_from(f"{self._order}H", self._tiff, directory)
            for number in range(count):
                place = directory + 2 + number * _ENTRY_BYTES
                yield Entry(*struct.unpack_from(f"{self._order}HHI4s", self._tiff, place))
        except struct.error:  # the data end too early
            return

    def number(self, value: bytes) -> int:
        """Return the number in the four bytes of a value: a LONG, or an offset."""
        return int.from_bytes(value, "little" if self._order == "<" else "big")

    def short(self, value: bytes) -> int:
        """Return the SHORT in the first two of a value's four bytes."""
        return self.number(value[:2])

    def text(self, entry: Entry, most: int) -> str:
        """Return an ASCII value up to its end mark, at most its first `most` bytes; empty if it has another type."""
        if entry.kind != ASCII:
            return ""
        start = self.number(entry.value)
        data = entry.value if entry.count <= _INLINE_BYTES else self._tiff[start : start + entry.count]
        return data[: min(entry.count, most)].partition(b"\0")[0].decode(errors="ignore")
