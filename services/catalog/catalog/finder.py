"""Finds the photos that match a search, newest first, in bounded time.

The index of words is read in windows: the next photos of the rarest word of the search, each of which is looked up for
the other words. If a condition on columns selects few photos, these are read instead. What the index cannot tell, such
as the order of words, is checked on the photos themselves.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, cast

import pymysql
from pymysql.connections import Connection

from catalog import images
from catalog.conditions import Condition, Entries, entries_of, in_image, in_index, span
from catalog.database import was_stopped
from catalog.entries import EVERY_PHOTO, LANGUAGES, language_of
from catalog.images import Image
from catalog.search import Search
from catalog.word_index import id_of, key_of

MAX_COUNT = 1000
"""Results are counted up to this number."""
FIRST_WINDOW = 256
MAX_WINDOW = 8192
"""How many photos of a word a statement reads at first, and at most."""
MAX_EXPANSIONS = 64
"""How many words a prefix may stand for, to be read in windows."""
MAX_PREFIX_ROWS = 50_000
"""How many rows of the index a prefix may have, to be read at once."""
MAX_SELECTED = 2000
"""How many photos a condition on columns may select, to be read before the words."""
MAX_OUTDATED = 2000
"""How many photos that are not in the index are looked through."""
CHECKED = 200
"""How many photos are checked at once."""

_END = b"\xff" * 17
"""Sorts after all ids."""


@dataclass(frozen=True, slots=True)
class Found:
    """The newest photos that match. `is_partial`: time was up, so others may match, too.

    `count` is the number of all results, at most MAX_COUNT + 1; None if it was not asked for.
    """

    images: list[Image]
    count: int | None
    is_partial: bool
    languages: tuple[str, ...]
    """The languages of the catalog, whose stems the search used."""


def find(
    connection: Connection[Any],
    search: Search,
    limit: int,
    before: str | None = None,
    seconds: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Return up to `limit` photos that match a search and are older than the photo with the id `before`.

    Without `before`, also count all results. After `seconds`, return what was found so far.
    """
    end = clock() + seconds
    wanted = limit if before else max(limit, MAX_COUNT + 1)
    languages = read_languages(connection)
    ids: set[str] = set()
    is_partial = False
    outdated = _outdated(connection, before)
    wrong = {image.id for image in outdated}
    right = {image.id for image in outdated if search.matches(image, languages)}
    try:
        for window in _Plan(connection, search, languages).windows(before):
            ids |= window - wrong
            if len(ids) >= wanted:
                break
            if clock() > end:
                is_partial = True
                break
    except pymysql.err.OperationalError as error:
        if not was_stopped(error):
            raise
        is_partial = True
    found = sorted(ids | right, reverse=True)
    return Found(
        images=images.of_ids(connection, found[:limit]),
        count=None if before else min(len(found), MAX_COUNT + 1),
        is_partial=is_partial or len(outdated) == MAX_OUTDATED,
        languages=languages,
    )


def read_languages(connection: Connection[Any]) -> tuple[str, ...]:
    """Return the languages of the annotations in the catalog."""
    return tuple(language_of(entry) for entry in _distinct(connection, LANGUAGES, MAX_EXPANSIONS))


def _distinct(connection: Connection[Any], within: tuple[str, str], limit: int) -> list[str]:
    """Return the first entries of a range; each is looked up, because a scan would read all photos that have it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH RECURSIVE entry (word, number) AS (
                  SELECT MIN(word), 1 FROM image_word WHERE word >= %s AND word < %s
                  UNION ALL
                  SELECT (SELECT MIN(word) FROM image_word WHERE word > entry.word AND word < %s), number + 1
                  FROM entry WHERE word IS NOT NULL AND number < {limit:d}
                )
                SELECT word FROM entry WHERE word IS NOT NULL""",
            (*within, within[1]),
        )
        return [word for (word,) in cursor.fetchall()]


def _outdated(connection: Connection[Any], before: str | None) -> list[Image]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id FROM image WHERE is_outdated = 1 AND deleted_at IS NULL AND id < %s
                ORDER BY id DESC LIMIT {MAX_OUTDATED}""",
            (before or "g",),
        )
        return images.of_ids(connection, [image_id for (image_id,) in cursor.fetchall()])


@dataclass(frozen=True, slots=True)
class _Source:
    """Entries to read photos from, in windows; with `ranges` of entries, all at once."""

    entries: tuple[str, ...]
    ranges: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: _Source) -> _Source:
        return _Source(self.entries + other.entries, self.ranges + other.ranges)

    @property
    def where(self) -> tuple[str, list[Any]]:
        """Return the condition that a row `w` of `image_word` is one of these, and its values."""
        parts = ["w.word IN %s"] * bool(self.entries) + ["w.word >= %s AND w.word < %s"] * len(self.ranges)
        values: list[Any] = [list(self.entries)] * bool(self.entries)
        return f"({' OR '.join(parts)})", [*values, *(bound for bounds in self.ranges for bound in bounds)]


class _Plan:
    """How to find the photos of one search."""

    def __init__(self, connection: Connection[Any], search: Search, languages: Sequence[str]) -> None:
        self._connection = connection
        self._search = search
        self._languages = languages
        conditions = [(in_image(clause), in_index(clause, languages)) for clause in search.clauses]
        self._of_image = [columns for columns, _ in conditions if columns]
        self._of_index = [words for columns, words in conditions if not columns and words.sql != "TRUE"]
        self._is_checked = any(not columns and not words.is_exact for columns, words in conditions)

    def windows(self, before: str | None) -> Iterator[set[str]]:
        """Yield the ids of matching photos, window by window, the newest first."""
        source, cost = self._rarest()
        selected = self._selected(before, MAX_SELECTED) if self._of_image else []
        if self._of_image and (source is None or len(selected) < min(cost, MAX_SELECTED)):
            yield from self._windows_of_image(before, selected)
            return
        for window in self._windows_of_index(source or _Source((EVERY_PHOTO,)), before):
            yield self._checked(window)

    def _rarest(self) -> tuple[_Source | None, int]:
        """Return the source of the clause that the fewest photos fulfil, by the counts of words."""
        clauses = [clause for clause in self._search.clauses if not any(found.is_excluded for found in clause)]
        choices = [[entries_of(found.term, self._languages) for found in clause] for clause in clauses]
        usable = [[parts for parts in choice if parts] for choice in choices if all(choice)]
        listed = (part for choice in usable for parts in choice for part in parts)
        counts = self._counts({entry for part in listed for entry in part.entries})
        best: tuple[_Source | None, int] = (None, MAX_SELECTED)
        cheapest = sys.maxsize
        for choice in usable:
            sources = [min((self._source(part, counts) for part in parts), key=itemgetter(1)) for parts in choice]
            cost = sum(cost for _, cost in sources)
            if cost < cheapest and (cost <= MAX_PREFIX_ROWS or not any(source.ranges for source, _ in sources)):
                cheapest = cost
                best = sum((source for source, _ in sources), _Source(())), cost
        return best

    def _source(self, part: Entries, counts: dict[str, int]) -> tuple[_Source, int]:
        """Return where to read the photos of some entries, and about how many rows that are."""
        cost = sum(counts.get(entry, 0) for entry in part.entries)
        if part.prefix is None:
            return _Source(part.entries), cost
        words = _distinct(self._connection, span(part.prefix), MAX_EXPANSIONS + 1)
        if len(words) <= MAX_EXPANSIONS:
            entries = tuple(sorted({*part.entries, *words}))
            return _Source(entries), sum(self._counts(entries).values())
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT COUNT(*) FROM (SELECT 1 FROM image_word WHERE word >= %s AND word < %s
                      LIMIT {MAX_PREFIX_ROWS + 1}) AS some""",
                span(part.prefix),
            )
            (rows,) = cast(tuple[int], cursor.fetchone())
        return _Source(part.entries, (span(part.prefix),)), cost + rows

    def _counts(self, entries: Collection[str]) -> dict[str, int]:
        if not entries:
            return {}
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT word, images FROM word WHERE word IN %s", (list(entries),))
            return dict(cast(Iterable[tuple[str, int]], cursor.fetchall()))

    def _selected(self, before: str | None, limit: int) -> list[str]:
        """Return the ids of the newest photos that fulfil the conditions on columns."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT id FROM image WHERE deleted_at IS NULL AND id < %s AND {_all(self._of_image)}
                    ORDER BY id DESC LIMIT {limit}""",
                (before or "g", *_values(self._of_image)),
            )
            return [image_id for (image_id,) in cursor.fetchall()]

    def _windows_of_image(self, before: str | None, selected: list[str]) -> Iterator[set[str]]:
        is_checked = len(self._of_image) < len(self._search.clauses)
        while selected:
            yield from (self._matching(some) if is_checked else set(some) for some in _in_parts(selected))
            if len(selected) < MAX_SELECTED:
                return
            selected = self._selected(selected[-1], MAX_SELECTED)

    def _windows_of_index(self, source: _Source, before: str | None) -> Iterator[list[str]]:
        end = key_of(before) if before else _END
        size = FIRST_WINDOW
        while end:
            begin = b"" if source.ranges else self._begin(source.entries, end, size)
            where, values = source.where
            with self._connection.cursor() as cursor:
                cursor.execute(
                    f"""SELECT DISTINCT w.image_id FROM image_word AS w FORCE INDEX (PRIMARY)
                        WHERE {where} AND w.image_id >= %s AND w.image_id < %s AND {_all(self._of_index)}""",
                    (*values, begin, end, *_values(self._of_index)),
                )
                yield [id_of(key) for (key,) in cursor.fetchall()]
            end, size = begin, min(size * 4, MAX_WINDOW)

    def _begin(self, entries: Sequence[str], end: bytes, size: int) -> bytes:
        """Return where a window begins in which no entry has more than `size` photos; empty for the last window."""
        one = "(SELECT image_id FROM image_word WHERE word = %s AND image_id < %s ORDER BY image_id DESC LIMIT %s, 1)"
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"SELECT MAX(image_id) FROM ({' UNION ALL '.join([one] * len(entries))}) AS begins",
                [value for entry in entries for value in (entry, end, size - 1)],
            )
            (begin,) = cast(tuple[bytes | None], cursor.fetchone())
        return begin or b""

    def _checked(self, ids: list[str]) -> set[str]:
        """Return the photos that fulfil what the index cannot tell."""
        if self._of_image and ids:
            with self._connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT id FROM image WHERE id IN %s AND {_all(self._of_image)}", (ids, *_values(self._of_image))
                )
                ids = [image_id for (image_id,) in cursor.fetchall()]
        return self._matching(ids) if self._is_checked else set(ids)

    def _matching(self, ids: Sequence[str]) -> set[str]:
        return {
            image.id
            for some in _in_parts(ids)
            for image in images.of_ids(self._connection, some)
            if self._search.matches(image, self._languages)
        }


def _in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + CHECKED] for start in range(0, len(ids), CHECKED))


def _all(conditions: Sequence[Condition]) -> str:
    return " AND ".join(["TRUE", *(condition.sql for condition in conditions)])


def _values(conditions: Sequence[Condition]) -> list[Any]:
    return [value for condition in conditions for value in condition.values]
