"""Pages of photos, newest first. Rows that have not changed come from memory.

A page asks the server for the ids of its photos and for a version of each row: a hash, computed by the server, of all
columns of `Image`. A row in memory is used only if its version is the server's, so it is never out of date. It does
not matter who wrote the row. Two different rows with the same version would break SHA-256.
"""

from __future__ import annotations

from dataclasses import fields
from threading import Lock
from typing import cast

from pymysql.cursors import Cursor

from catalog.images import COLUMNS, Image, read_row

MAX_ROWS = 2000
"""About 6 MB."""

# QUOTE tells NULL from text, and ends each value. A new field of `Image` is part of the version without a change here.
_VERSION = f"SHA2(CONCAT_WS(',', {', '.join(f'QUOTE({field.name})' for field in fields(Image))}), 256)"
# Without the hint, the server may prefer a smaller index without the order, and sort all photos.
_NEWEST = f"""SELECT id, {_VERSION} FROM image FORCE INDEX (PRIMARY)
              WHERE deleted_at IS NULL AND id < %s ORDER BY id DESC LIMIT %s"""
_ABOVE_ALL_IDS = "g"
"""Sorts after every id, whose digits are hexadecimal."""


class RowCache:
    """Reads pages of photos, and keeps the rows in memory. Thread-safe."""

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        """Keep up to `max_rows` rows; those that were read first make room for others."""
        self._max_rows = max_rows
        self._rows: dict[str, tuple[str, Image]] = {}
        self._lock = Lock()

    def newest(self, cursor: Cursor, limit: int, before: str | None = None) -> list[Image]:
        """Return up to `limit` images, newest first, that are older than the image with the id `before`.

        A photo that is deleted at this moment may be missing.
        """
        cursor.execute(_NEWEST, (before or _ABOVE_ALL_IDS, limit))
        versions = cast(tuple[tuple[str, str], ...], cursor.fetchall())
        known = {}
        for image_id, version in versions:
            row = self._rows.get(image_id)
            if row is not None and row[0] == version:
                known[image_id] = row[1]
        if missing := [image_id for image_id, _ in versions if image_id not in known]:
            known |= self._read(cursor, missing)
        return [known[image_id] for image_id, _ in versions if image_id in known]

    def _read(self, cursor: Cursor, ids: list[str]) -> dict[str, Image]:
        cursor.execute(f"SELECT {_VERSION}, {COLUMNS} FROM image WHERE id IN %s AND deleted_at IS NULL", (ids,))
        found = {image.id: (version, image) for version, *row in cursor.fetchall() for image in [read_row(row)]}
        with self._lock:
            for image_id, row in found.items():
                self._rows.pop(image_id, None)  # the newest rows are at the end
                self._rows[image_id] = row
            for image_id in list(self._rows)[: max(0, len(self._rows) - self._max_rows)]:
                del self._rows[image_id]
        return {image_id: image for image_id, (_, image) in found.items()}
