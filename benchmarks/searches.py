"""How long searches take: random ones, of the words that photos have."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from statistics import median, quantiles
from typing import Any, cast

from pymysql.connections import Connection

from benchmarks.table import Row
from catalog.finder import find
from catalog.search import parse
from catalog.words import words

PAGE = 51
GOAL_MS = 50
SEED = 2
SAMPLE = 2000
"""How many photos common words are drawn from."""


def measure(connection: Connection[Any], photos: int, count: int) -> list[Row]:
    """Return the slowest of `count` searches of each kind, each with its first page and the number of results."""
    random = Random(SEED)
    draw = _words(connection, random)
    kinds: dict[str, Callable[[], str]] = {
        "one word": lambda: f"{draw()} ",
        "two words": lambda: f"{draw()} {draw()} ",
        "the beginning of a word": lambda: draw()[: random.randint(1, 5)],
        "no result": lambda: f"{draw()} {draw()[::-1]}zq ",
    }
    rows = []
    for kind, text in kinds.items():
        for _ in range(count // 2):  # the server has just started: most of the index is not in its cache yet
            _milliseconds(connection, text())
        times = sorted(_milliseconds(connection, text()) for _ in range(count))
        typical = f"median {median(times):.1f} ms, p99 {quantiles(times, n=100)[-1]:.1f} ms"
        name = f"search in {photos:,} photos for {kind}, slowest of {count:,} ({typical})"
        rows.append(Row(name, times[-1], GOAL_MS, " ms", smaller_is_better=True))
    return rows


def _words(connection: Connection[Any], random: Random) -> Callable[[], str]:
    """Return a function that draws a word: one of all words, or one of a photo, so that common words are common."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM word WHERE word REGEXP '^[a-z0-9]'")
        distinct = [word for (word,) in cast(list[tuple[str]], cursor.fetchall())]
        cursor.execute("SELECT filename, caption, alt_text FROM image ORDER BY etag LIMIT %s", (SAMPLE,))
        common = [word for row in cursor.fetchall() for text in row for word in words(text)]
    return lambda: random.choice(random.choice((distinct, common)))


def _milliseconds(connection: Connection[Any], text: str) -> float:
    search = parse(text)
    began = time.perf_counter()
    find(connection, search, PAGE)
    return (time.perf_counter() - began) * 1000
