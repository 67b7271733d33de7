"""Splits texts into words, for the index of words and for searches.

A word is a run of letters, marks and numbers, folded: lower case, full width as half width, and no accents. Scripts
that do not separate words by blanks are split into single characters and overlapping pairs. So `IMG_1234.jpg` has the
words `img`, `1234` and `jpg`, and `橙色的猫` has `橙`, `色`, `的`, `猫`, `橙色`, `色的` and `的猫`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple, Protocol

MAX_WORD_CHARACTERS = 64
"""Longer words are cut, in the index and in searches."""

_ASCII_WORD = re.compile("[a-z0-9]+")

_IGNORABLE = frozenset("\u00ad\u0640\u200c\u200d\u2060\ufeff")
"""Characters inside words that do not distinguish them: soft hyphen, tatweel, joiners and non-breaking marks."""

_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "ħ": "h", "ŧ": "t", "þ": "th", "æ": "ae", "œ": "oe"}
)
"""Latin letters that Unicode does not decompose."""

_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Myanmar, Khmer
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa0-\uffdc"  # Hangul, for its particles
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "]"
)
"""Scripts that are split into characters. Source: https://www.unicode.org/Public/UCD/latest/ucd/Blocks.txt."""

_STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
"""Snowball's stemmer for each language. Source: https://snowballstem.org/algorithms/."""


class Token(NamedTuple):
    """A part of a text, from `start` to `end`, and the word that it is; of unspaced scripts also each pair."""

    start: int
    end: int
    word: str
    is_pair: bool = False


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - snowballstemmer's name


def words(text: str) -> list[str]:
    """Return the words of a text, in order; those of unspaced scripts as single characters."""
    return [token.word for token in tokens(text) if not token.is_pair]


def search_words(text: str) -> list[str]:
    """Return the words that a text needs to have to be like this one: like `words`, but with pairs where possible."""
    found = list(tokens(text))
    paired = [(token.start, token.end) for token in found if token.is_pair]
    return [
        token.word
        for token in found
        if token.is_pair or not any(start <= token.start and token.end <= end for start, end in paired)
    ]


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of a text and where they are; a pair of characters follows its first one."""
    if text.isascii():
        for match in _ASCII_WORD.finditer(text.lower()):
            yield Token(match.start(), match.end(), match[0][:MAX_WORD_CHARACTERS])
        return
    for start, end in _runs(text):
        if _UNSPACED.match(text, start):
            yield from _characters_and_pairs(text, start, end)
        else:
            yield from (Token(start, end, word) for word in _fold(text[start:end]))


def stem(word: str, language: str) -> str | None:
    """Return the stem of a folded word in a BCP 47 language; None if the language has no stemmer."""
    name = _STEMMERS.get(language.partition("-")[0].lower())
    return _stem(word, name) if name else None


@lru_cache(maxsize=50_000)
def _stem(word: str, name: str) -> str:
    # A stemmer is not thread-safe, but creating one is cheap, and the cache makes it rare.
    stemmer: _Stemmer = import_module("snowballstemmer").stemmer(name)
    return "".join(_fold(stemmer.stemWord(word)))  # some stemmers add accents


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Yield where words begin and end: runs of letters, marks and numbers, also split where unspaced scripts begin."""
    start = None
    for position, sign in enumerate(text):
        category = unicodedata.category(sign)[0]
        if category not in "LMN" and sign not in _IGNORABLE:
            if start is not None:
                yield start, position
            start = None
        elif start is None:
            start = position
        elif not _continues(sign) and (_UNSPACED.match(sign) is None) != (_UNSPACED.match(text, start) is None):
            yield start, position
            start = position
    if start is not None:
        yield start, len(text)


def _characters_and_pairs(text: str, start: int, end: int) -> Iterator[Token]:
    """Yield each character of a run, with its marks, and each pair of neighbors."""
    starts = [position for position in range(start, end) if not _continues(text[position]) or position == start]
    characters = [
        (begin, following, "".join(_fold(text[begin:following])))
        for begin, following in zip(starts, [*starts[1:], end], strict=True)
    ]
    for index, (begin, following, character) in enumerate(characters):
        if not character:
            continue
        yield Token(begin, following, character)
        if index + 1 < len(characters):
            _, pair_end, neighbor = characters[index + 1]
            yield Token(begin, pair_end, character + neighbor, is_pair=True)


def _continues(sign: str) -> bool:
    """Tell whether a character belongs to the one before it: marks, and the voicing marks of half-width kana."""
    return unicodedata.category(sign)[0] == "M" or sign in _IGNORABLE or sign in "\uff9e\uff9f"


def _fold(piece: str) -> list[str]:
    """Return a piece of a text in lower case, half width and without accents; it may consist of several words.

    Accents are marks that Latin, Greek, Cyrillic, Hebrew and Arabic are also written without. Marks of other scripts
    are vowels. Of the Cyrillic letters with marks, only those that are often written without them lose them.
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", piece).casefold())
    kept: list[str] = []
    base = ""
    for sign in decomposed:
        if sign in _IGNORABLE or "\ufe00" <= sign <= "\ufe0f":
            continue
        if unicodedata.category(sign)[0] != "M":
            base = sign
        elif _is_accent(sign, base):
            continue
        kept.append(sign)
    folded = unicodedata.normalize("NFC", "".join(kept)).translate(_LETTERS)
    separate = "".join(sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in folded)
    return [word[:MAX_WORD_CHARACTERS] for word in separate.split() if any(sign.isalnum() for sign in word)]


def _is_accent(mark: str, base: str) -> bool:
    if "\u0400" <= base <= "\u052f":
        return mark in "\u0300\u0301" or (base == "е" and mark == "\u0308")
    return "\u0300" <= mark <= "\u036f" or "\u0591" <= mark <= "\u05c7" or "\u064b" <= mark <= "\u0670"
