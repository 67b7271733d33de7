"""Parses search queries into words of the full-text index."""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import dataclass
from functools import cache

MAX_WORDS = 8
INDEXED_CHARACTERS = range(3, 85)
"""Lengths of words that InnoDB indexes: innodb_ft_min_token_size to innodb_ft_max_token_size, as in RDS."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search for photos with a word starting with each of `words`; `ignored` are the words left out."""

    words: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def is_indexed(self) -> bool:
        """Whether the index contains words of these lengths and characters."""
        return all(_is_indexed(word) for word in self.words)

    @property
    def patterns(self) -> tuple[str, ...]:
        """A regular expression for each word, for words that are not in the index.

        MySQL (ICU) and MariaDB (PCRE) must find the same. But only ICU takes `SS` for `ß` in upper case, and each has
        its own `\\b`. So the patterns list the cases of each letter, and words begin where `_split` begins them.
        """
        return tuple(
            r"(?-i)(?<![\p{L}\p{M}\p{N}_])" + "".join(f"[{_cases(sign)}]" for sign in word) for word in self.words
        )


def parse(text: str) -> Search:
    """Return the search for a typed or pasted text; without letters and digits, it has no words.

    Duplicates and prefixes of other words are dropped, because they would not change the result. If some words can be
    in the index, the others are ignored. Words after the first MAX_WORDS are ignored too.
    """
    by_fold: dict[str, str] = {}
    for word in _split(text):
        by_fold.setdefault(_fold(word), word)
    words = [
        word for fold, word in by_fold.items() if not any(other != fold and other.startswith(fold) for other in by_fold)
    ]
    wanted = ([word for word in words if _is_indexed(word)] or words)[:MAX_WORDS]
    return Search(tuple(wanted), tuple(word for word in words if word not in wanted))


def _is_indexed(word: str) -> bool:
    """Tell whether a word can be in the index; MariaDB treats characters beyond U+FFFF as spaces."""
    return len(word) in INDEXED_CHARACTERS and max(word) <= "\uffff"


def _split(text: str) -> list[str]:
    """Split like InnoDB's parser: at everything except letters, marks (accents), numbers and underscores.

    Python's `\\w` lacks marks, which many scripts use as vowels. Source: INNODB_FT_INDEX_CACHE of MariaDB 10.11.
    """
    return "".join(sign if sign == "_" or unicodedata.category(sign)[0] in "LMN" else " " for sign in text).split()


def _fold(word: str) -> str:
    """Return a word without case and accents, which the collation ignores."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(sign))


def _cases(sign: str) -> str:
    """Return a sign in upper and lower case; some letters have more than two cases, such as `Σσς`."""
    return _letters_by_fold().get(sign.casefold(), sign)


@cache
def _letters_by_fold() -> dict[str, str]:
    """Return the letters that differ only in case, for each fold of Unicode."""
    letters: dict[str, str] = {}
    for letter in map(chr, range(sys.maxunicode + 1)):
        if letter.lower() != letter.upper():
            letters[letter.casefold()] = letters.get(letter.casefold(), "") + letter
    return letters
