"""Finds the photos that match a search, newest first, in bounded time.

The index of words is read in windows: the next photos of the rarest word of the search, each of which is looked up for
the other words. If a condition on columns selects few photos, these are read instead. What the index cannot tell, such
as the order of words, is checked on the photos themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import Any, cast

import pymysql
from pymysql.connections import Connection

from catalog import images
from catalog.conditions import Condition, Entries, Lookups, entries_of, in_image, in_index, is_exact, span
from catalog.database import was_stopped
from catalog.entries import EVERY_PHOTO, LANGUAGES, language_of
from catalog.images import Image
from catalog.keys import lowest_id, moment_of
from catalog.search import Search
from catalog.word_index import counts, counts_within, id_of, key_of, new_entries

MAX_COUNT = 1000
"""Results are counted up to this number."""
MAX_LANGUAGES = 20
"""How many languages of the catalog are considered."""
FIRST_WINDOW = 256
MAX_WINDOW = 8192
"""How many photos of a word a statement reads at first, and at most."""
FIRST_TIME = timedelta(minutes=10)
"""How much time the first window has if the search is for so many words that their photos are not counted."""
MAX_COUNTED = 16
"""How many words have windows by the number of their photos."""
MAX_EXPANSIONS = 500
"""How many words a prefix may stand for, to be read in windows."""
MAX_ROWS = 40_000
"""How many rows of the index are read at once: a photo has at most a few words with the same beginning."""
MAX_SELECTED = 2000
"""How many photos a condition on columns may select, to be read before the words."""
MAX_OUTDATED = 500
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
    words = Words(connection)
    languages = words.languages()
    ids: set[str] = set()
    is_partial = False
    outdated = _outdated(connection, before)
    wrong = {image.id for image in outdated}
    right = {image.id for image in outdated if search.matches(image, languages)}
    is_counted = before is None
    has_many = False
    try:
        plan = _Plan(connection, search, languages, words)
        has_many = plan.has_many
        wanted = max(limit, MAX_COUNT + 1) if is_counted and not has_many else limit
        for window in plan.windows(before, wanted + len(wrong)):
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
        count=min(MAX_COUNT + 1 if has_many else len(found), MAX_COUNT + 1) if is_counted else None,
        is_partial=is_partial or len(outdated) == MAX_OUTDATED,
        languages=languages,
    )


class Words:
    """The entries that the index has at this moment, with their counts."""

    def __init__(self, connection: Connection[Any]) -> None:
        """Read the entries that are not counted yet."""
        self._connection = connection
        # Before all counts: `count_words` may move entries to the counts at any moment.
        self._new = new_entries(connection)

    def languages(self) -> tuple[str, ...]:
        """Return the languages of the annotations."""
        known = counts_within(self._connection, LANGUAGES, MAX_LANGUAGES)
        return tuple(sorted(map(language_of, known.keys() | self._new_within(LANGUAGES))))

    def counted(self, entries: Collection[str]) -> dict[str, int]:
        """Return the counts of the entries that photos have; 0 for those that are not counted yet."""
        new = entries if self._new is None else self._new.intersection(entries)
        return dict.fromkeys(new, 0) | counts(self._connection, entries)

    def within(self, bounds: tuple[str, str]) -> dict[str, int] | None:
        """Return the counts of the entries of a range, its end excluded; None if there are too many entries."""
        known = counts_within(self._connection, bounds, MAX_EXPANSIONS + 1)
        if self._new is None or len(known) > MAX_EXPANSIONS:
            return None
        return dict.fromkeys(self._new_within(bounds), 0) | known

    def _new_within(self, bounds: tuple[str, str]) -> set[str]:
        return {entry for entry in self._new or () if bounds[0] <= entry < bounds[1]}


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
    """Entries, and ranges of entries, that the photos of a search are read from.

    `cost` is the number of rows, about, and `most` that of the most frequent entry. `is_exact`: all these photos fulfil
    the clause that the source is of.
    """

    entries: tuple[str, ...]
    ranges: tuple[tuple[str, str], ...]
    cost: int
    most: int
    is_exact: bool = True

    @property
    def is_readable(self) -> bool:
        """Whether the rows can be read in windows, or are few enough to be read at once."""
        return not self.ranges or self.cost <= MAX_ROWS

    @property
    def where(self) -> tuple[str, list[Any]]:
        """Return the condition that a row `w` of `image_word` is one of these, and its values."""
        if len(self.entries) == 1 and not self.ranges:
            return "w.word = %s", [*self.entries]
        parts = ["w.word IN %s"] * bool(self.entries) + ["w.word >= %s AND w.word < %s"] * len(self.ranges)
        values: list[Any] = [list(self.entries)] * bool(self.entries)
        return f"({' OR '.join(parts)})", [*values, *(bound for bounds in self.ranges for bound in bounds)]


class _Plan:
    """How to find the photos of one search."""

    def __init__(self, connection: Connection[Any], search: Search, languages: Sequence[str], words: Words) -> None:
        self._words = words
        self._connection = connection
        self._search = search
        self._languages = languages
        parts = [[entries_of(found.term, languages) or [] for found in clause] for clause in search.clauses]
        counted = words.counted(
            {entry for clause in parts for term in clause for part in term for entry in part.entries}
        )
        sources = self._sources(parts, counted)
        readable = {number: source for number, source in sources.items() if source.is_readable}
        chosen = min(readable, key=lambda number: readable[number].cost, default=None)
        self._source = self._every_photo() if chosen is None else readable[chosen]
        self._lookups = Lookups(counted)
        self._of_image: list[Condition] = []
        self._of_index: list[Condition] = []
        self._is_checked = False
        for number, clause in enumerate(search.clauses):
            if columns := in_image(clause):
                self._of_image.append(columns)
            elif number != chosen or not self._source.is_exact:
                condition = in_index(clause, languages, self._lookups)
                self._of_index.append(condition)
                self._is_checked = self._is_checked or not condition.is_exact
        only = sources.get(0) if len(search.clauses) == 1 else None
        self.has_many = only is not None and only.is_exact and (only.most > 2 * MAX_COUNT or only.cost > MAX_ROWS)
        """Whether it is clear without counting that there are more than MAX_COUNT results."""

    def windows(self, before: str | None, wanted: int) -> Iterator[set[str]]:
        """Yield the ids of matching photos, window by window, the newest first, until there are as many as `wanted`."""
        if self._of_image:
            selected = self._selected(before)
            if len(selected) < min(self._source.cost, MAX_SELECTED) or self._source.entries == (EVERY_PHOTO,):
                yield from self._windows_of_image(selected)
                return
        for ids in self._windows_of_index(key_of(before) if before else _END, wanted):
            if self._is_checked:  # in small parts, because checking takes long
                yield from (self._matching(self._fulfilling(some)) for some in _in_parts(sorted(ids, reverse=True)))
            else:
                yield set(self._fulfilling(ids))

    def _sources(self, parts: list[list[list[Entries]]], counted: dict[str, int]) -> dict[int, _Source]:
        """Return the sources of the clauses that have one, by the number of the clause."""
        sources = {}
        for number, (clause, terms) in enumerate(zip(self._search.clauses, parts, strict=True)):
            if not all(terms) or any(found.is_excluded for found in clause):
                continue
            choices = [[self._source_of(part, counted) for part in term] for term in terms]
            rarest = [min(choice, key=attrgetter("cost")) for choice in choices]
            sources[number] = _Source(
                tuple(sorted({entry for source in rarest for entry in source.entries})),
                tuple(bounds for source in rarest for bounds in source.ranges),
                cost=sum(source.cost for source in rarest),
                most=max(source.most for source in rarest),
                is_exact=all(is_exact(found.term) for found in clause),
            )
        return sources

    def _source_of(self, part: Entries, counted: dict[str, int]) -> _Source:
        if part.prefix is not None:
            words = self._words.within(span(part.prefix))
            if words is None:
                rows = self._rows(part.prefix)
                return _Source(part.entries, (span(part.prefix),), rows, rows)
            counted = counted | words
            part = Entries(tuple({*part.entries, *words}))
        known = {entry: counted[entry] for entry in part.entries if entry in counted}
        return _Source(tuple(known), (), sum(known.values()), max(known.values(), default=0))

    def _rows(self, prefix: str) -> int:
        """Return how many rows of the index begin with a prefix, at most one more than MAX_ROWS."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT COUNT(*) FROM (SELECT 1 FROM image_word WHERE word >= %s AND word < %s
                      LIMIT {MAX_ROWS + 1}) AS some""",
                span(prefix),
            )
            (rows,) = cast(tuple[int], cursor.fetchone())
        return rows

    def _every_photo(self) -> _Source:
        count = self._words.counted([EVERY_PHOTO]).get(EVERY_PHOTO, 0)
        return _Source((EVERY_PHOTO,), (), count, count)

    def _selected(self, before: str | None) -> list[str]:
        """Return the ids of the newest photos that fulfil the conditions on columns, at most MAX_SELECTED."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT id FROM image WHERE deleted_at IS NULL AND id < %s AND {_all(self._of_image)}
                    ORDER BY id DESC LIMIT {MAX_SELECTED}""",
                (before or "g", *_values(self._of_image)),
            )
            return [image_id for (image_id,) in cursor.fetchall()]

    def _windows_of_image(self, selected: list[str]) -> Iterator[set[str]]:
        is_checked = len(self._of_image) < len(self._search.clauses)
        while selected:
            yield from (self._matching(some) if is_checked else set(some) for some in _in_parts(selected))
            if len(selected) < MAX_SELECTED:
                return
            selected = self._selected(selected[-1])

    def _windows_of_index(self, end: bytes, wanted: int) -> Iterator[list[str]]:
        if self.has_many and len(self._source.entries) > MAX_COUNTED:
            yield self._newest_of_each(end, wanted)
            return
        source, values = self._source.where
        limit = "" if self._is_checked or self._of_image else f"ORDER BY w.image_id DESC LIMIT {wanted}"
        is_single = source.endswith("= %s")
        for begin in self._begins(end):
            with self._connection.cursor() as cursor:
                cursor.execute(
                    f"""SELECT STRAIGHT_JOIN {"" if is_single else "DISTINCT"} w.image_id
                        FROM image_word AS w FORCE INDEX (PRIMARY) {self._lookups.joins}
                        WHERE {source} AND w.image_id >= %s AND w.image_id < %s AND {_all(self._of_index)}
                        {limit}""",
                    (*self._lookups.entries, *values, begin, end, *_values(self._of_index)),
                )
                yield [id_of(key) for (key,) in cursor.fetchall()]
            end = begin

    def _begins(self, end: bytes) -> Iterator[bytes]:
        """Yield where each window begins, which is also where the next one ends; the last one begins with no bytes."""
        is_split = len(self._source.entries) > MAX_COUNTED
        if self._source.ranges or (is_split and self._source.cost <= MAX_ROWS):
            yield b""
        elif not self._source.entries:
            return
        elif not is_split:
            size = FIRST_WINDOW
            while end:
                end = self._begin(end, size)
                yield end
                size = min(size * 4, MAX_WINDOW)
        else:
            yield from self._times(end)

    def _begin(self, end: bytes, size: int) -> bytes:
        """Return where a window begins in which no entry has more than `size` photos; empty for the last window."""
        one = "(SELECT image_id FROM image_word WHERE word = %s AND image_id < %s ORDER BY image_id DESC LIMIT %s, 1)"
        entries = self._source.entries
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"SELECT MAX(image_id) FROM ({' UNION ALL '.join([one] * len(entries))}) AS begins",
                [value for entry in entries for value in (entry, end, size - 1)],
            )
            (begin,) = cast(tuple[bytes | None], cursor.fetchone())
        return begin or b""

    def _times(self, end: bytes) -> Iterator[bytes]:
        """Yield ids of earlier and earlier moments."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT MIN(image_id), MAX(image_id) FROM image_word WHERE word = %s", (EVERY_PHOTO,))
            first, last = cast(tuple[bytes | None, bytes | None], cursor.fetchone())
        if first and last:
            moment, window = moment_of(id_of(min(end[:16], last))), FIRST_TIME
            while (moment := moment - window) > moment_of(id_of(first)):
                yield key_of(lowest_id(moment))
                window *= 4
        yield b""

    def _newest_of_each(self, end: bytes, wanted: int) -> list[str]:
        """Return the newest photos of all entries, from the newest ones of each entry."""
        one = "(SELECT image_id FROM image_word WHERE word = %s AND image_id < %s ORDER BY image_id DESC LIMIT %s)"
        entries = self._source.entries
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT DISTINCT image_id FROM ({" UNION ALL ".join([one] * len(entries))}) AS newest
                    ORDER BY image_id DESC LIMIT %s""",
                (*(value for entry in entries for value in (entry, end, wanted)), wanted),
            )
            return [id_of(key) for (key,) in cursor.fetchall()]

    def _fulfilling(self, ids: Sequence[str]) -> Sequence[str]:
        """Return those of some photos that fulfil the conditions on columns."""
        if not self._of_image or not ids:
            return ids
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM image WHERE id IN %s AND {_all(self._of_image)}", (ids, *_values(self._of_image))
            )
            return [image_id for (image_id,) in cursor.fetchall()]

    def _matching(self, ids: Sequence[str]) -> set[str]:
        """Return those of some photos that match the search."""
        found = images.of_ids(self._connection, ids)
        return {image.id for image in found if self._search.matches(image, self._languages)}


def _in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + CHECKED] for start in range(0, len(ids), CHECKED))


def _all(conditions: Sequence[Condition]) -> str:
    return " AND ".join(["TRUE", *(condition.sql for condition in conditions)])


def _values(conditions: Sequence[Condition]) -> list[Any]:
    return [value for condition in conditions for value in condition.values]
