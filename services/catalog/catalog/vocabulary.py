"""Suggests words that photos have: while people type, and instead of a misspelled word."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from pymysql.connections import Connection

from catalog.conditions import span
from catalog.search import Search, Word
from catalog.word_index import counts
from catalog.words import tokens, words

MAX_SUGGESTIONS = 20
FREQUENT = 20_000
"""How many of the most frequent words are looked through for those with a short prefix."""
SHORT_PREFIX = 2
MIN_CORRECTED_CHARACTERS = 3
MAX_ALPHABET = 100
"""Words of scripts with more letters are not corrected: almost any two characters would be close."""


@dataclass(frozen=True, slots=True)
class WordCount:
    """A word, folded, and how many photos have it."""

    word: str
    images: int


def suggest(connection: Connection[Any], prefix: str, limit: int = 10) -> list[WordCount]:
    """Return the most frequent words that begin with a prefix; for several words, with the last one."""
    found = words(prefix)
    if not found:
        return []
    begin, end = span(found[-1])
    source = (
        f"(SELECT word, images FROM word ORDER BY images DESC LIMIT {FREQUENT}) AS frequent"
        if len(found[-1]) <= SHORT_PREFIX
        else "word"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT word, images FROM {source} WHERE word >= %s AND word < %s AND images > 0
                ORDER BY images DESC, word LIMIT %s""",
            (begin, end, min(limit, MAX_SUGGESTIONS)),
        )
        return [WordCount(*row) for row in cursor.fetchall()]


def correct(connection: Connection[Any], text: str, search: Search) -> str | None:
    """Return a search like that of a text, with known words for those that no photo has; None if none is close."""
    typed = {term.word for term in search.wanted if isinstance(term, Word)}
    close = {word: similar(word) for word in typed if len(word) >= MIN_CORRECTED_CHARACTERS}
    known = counts(connection, {word for some in close.values() for word in some} | typed)
    better = {
        word: max(some & known.keys(), key=lambda other: (known[other], other))
        for word, some in close.items()
        if word not in known and some & known.keys()
    }
    corrected = text
    for token in reversed([token for token in tokens(text) if token.word in better]):
        corrected = corrected[: token.start] + better[token.word] + corrected[token.end :]
    return corrected if better else None


def similar(word: str) -> set[str]:
    """Return the words that differ from a word by one letter, or by two neighbors that changed places.

    Source: https://norvig.com/spell-correct.html.
    """
    letters = _alphabet(word)
    if len(letters) > MAX_ALPHABET:
        return set()
    splits = [(word[:index], word[index:]) for index in range(len(word) + 1)]
    return {
        *(left + right[1:] for left, right in splits if right),
        *(left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1),
        *(left + letter + right[1:] for left, right in splits if right for letter in letters),
        *(left + letter + right for left, right in splits for letter in letters),
    } - {word}


def _alphabet(word: str) -> set[str]:
    """Return the letters of the Unicode blocks of 128 characters that a word is written in."""
    starts = {ord(letter) & ~0x7F for letter in word}
    signs = (chr(code) for start in starts for code in range(start, start + 0x80))
    return {sign for sign in signs if unicodedata.category(sign) in ("Ll", "Lo")}
