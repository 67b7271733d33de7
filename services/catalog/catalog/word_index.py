"""Writes the index of words: `image_word` has a row for each entry of a photo, see `catalog.entries`.

`index` does so in the transaction that changes a photo's texts. A row tells by a checksum whether the index has its
texts (`is_outdated`), so `index_outdated` finds the photos of the time before the index, and those whose texts an older
release changed while both run.

The table `word` counts the photos of each word. If each photo changed these counts itself, all photos with a common
word would wait for one another, and a function that was stopped in a transaction would block all of them. So the
changes are stored in `word_change`, and `count_words` applies them once a minute.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID

from pymysql.connections import Connection

from catalog.entries import Texts
from catalog.transaction import atomic

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

CHECKSUM = "CRC32(CONCAT_WS('\\n', filename, caption, alt_text, tags, language, deleted_at IS NULL))"
"""The expression of the column `is_outdated`."""

BATCH = 100
"""How many photos one transaction of `index_outdated` indexes."""
CHANGES = 500
"""How many changes one transaction of `count_words` applies."""


def key_of(image_id: str) -> bytes:
    """Return the id of a photo as the index has it."""
    return UUID(image_id).bytes


def id_of(key: bytes) -> str:
    """Return the id of a photo from one of the index."""
    return str(UUID(bytes=key))


def indexed(
    write: Callable[Concatenate[Connection[Any], str, Parameters], Result],
) -> Callable[Concatenate[Connection[Any], str, Parameters], Result]:
    """Make a function that changes the texts of a photo bring the index up to date in the same transaction."""

    @wraps(write)
    def write_and_index(
        connection: Connection[Any], image_id: str, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        with atomic(connection):
            result = write(connection, image_id, *args, **kwargs)
            index(connection, image_id)
        return result

    return write_and_index


def index(connection: Connection[Any], image_id: str) -> None:
    """Bring the index up to date with the texts of a photo; call it in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT filename, caption, alt_text, tags, language, deleted_at IS NULL FROM image
               WHERE id = %s AND is_outdated FOR UPDATE""",
            (image_id,),
        )
        row = cursor.fetchone()
        if row is None:
            return
        filename, caption, alt_text, tags, language, exists = row
        texts = Texts(filename, caption, alt_text, tuple(json.loads(tags or "[]")), language)
        wanted = texts.entries if exists else frozenset()
        cursor.execute("SELECT word FROM image_word WHERE image_id = %s", (key_of(image_id),))
        present = {word for (word,) in cursor.fetchall()}
        added, removed = sorted(wanted - present), sorted(present - wanted)
        if added:
            cursor.executemany(
                "INSERT INTO image_word (word, image_id) VALUES (%s, %s)",
                [(word, key_of(image_id)) for word in added],
            )
        if removed:
            cursor.execute("DELETE FROM image_word WHERE word IN %s AND image_id = %s", (removed, key_of(image_id)))
        if added or removed:
            cursor.execute(
                "INSERT INTO word_change (added, removed) VALUES (%s, %s)", ("\n".join(added), "\n".join(removed))
            )
        cursor.execute(f"UPDATE image SET indexed_texts = {CHECKSUM} WHERE id = %s", (image_id,))


def new_entries(connection: Connection[Any]) -> frozenset[str] | None:
    """Return the entries of photos that are not counted yet; None if there are too many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT added FROM word_change LIMIT %s", (CHANGES + 1,))
        rows = cursor.fetchall()
    if len(rows) > CHANGES:
        return None
    return frozenset(entry for (added,) in rows for entry in added.split("\n"))


def counts(connection: Connection[Any], entries: Collection[str]) -> dict[str, int]:
    """Return how many photos have each of some entries, without those that no photo has."""
    if not entries:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT word, images FROM word WHERE word IN %s AND images > 0", (list(entries),))
        return dict(cast(Collection[tuple[str, int]], cursor.fetchall()))


def counts_within(connection: Connection[Any], within: tuple[str, str], limit: int) -> dict[str, int]:
    """Return how many photos have each of the first `limit` entries of a range, its end excluded."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word, images FROM word WHERE word >= %s AND word < %s AND images > 0 LIMIT %s", (*within, limit)
        )
        return dict(cast(Collection[tuple[str, int]], cursor.fetchall()))


def index_outdated(connection: Connection[Any]) -> int:
    """Index up to BATCH photos that the index does not have, the newest first; return their number.

    Call it in a transaction. Photos that another transaction changes are left for the next call.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM image WHERE is_outdated = 1 ORDER BY id DESC LIMIT {BATCH} FOR UPDATE SKIP LOCKED"
        )
        ids = [image_id for (image_id,) in cursor.fetchall()]
    for image_id in ids:
        index(connection, image_id)
    return len(ids)


def count_words(connection: Connection[Any]) -> int:
    """Apply up to CHANGES changes to the counts of words; return their number. Call it in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, added, removed FROM word_change ORDER BY id LIMIT {CHANGES} FOR UPDATE SKIP LOCKED")
        rows = cast(Collection[tuple[int, str, str]], cursor.fetchall())
        if not rows:
            return 0
        changes: Counter[str] = Counter()
        for _, added, removed in rows:
            changes.update(filter(None, added.split("\n")))
            changes.subtract(filter(None, removed.split("\n")))
        counted = sorted((word, change) for word, change in changes.items() if change)
        if counted:
            cursor.executemany(
                """INSERT INTO word (word, images) VALUES (%s, %s)
                   ON DUPLICATE KEY UPDATE images = images + VALUES(images)""",
                counted,
            )
        cursor.execute("DELETE FROM word_change WHERE id IN %s", ([change_id for change_id, *_ in rows],))
        return len(rows)
