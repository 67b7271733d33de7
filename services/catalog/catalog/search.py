"""What people type into the search, as words of the full-text index."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

MAX_WORDS = 8
INDEXED_CHARACTERS = range(3, 85)
"""How long the words are that InnoDB indexes: innodb_ft_min_token_size, innodb_ft_max_token_size, as RDS has them."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search for photos that have words beginning with each of `words`; `ignored` are those that do not count."""

    words: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def is_indexed(self) -> bool:
        """Whether the index knows such words."""
        return all(_is_indexed(word) for word in self.words)


def parse(text: str) -> Search:
    """Return the search for what somebody typed or pasted; without letters and digits it has no words.

    A word counts once, and not at all where a longer one begins with it: whatever has the longer one has both. Where
    there are words that the index knows, the others are ignored, and so are all after the eighth.
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
    """Tell whether the index has such words; MariaDB takes signs beyond U+FFFF for blanks."""
    return len(word) in INDEXED_CHARACTERS and max(word) <= "\uffff"


def _split(text: str) -> list[str]:
    """Split where InnoDB's parser does: at all but letters, marks (accents), numbers and underscores.

    Python's `\\w` lacks the marks, which vowels are in many scripts. Read from INNODB_FT_INDEX_CACHE of MariaDB 10.11.
    """
    return "".join(sign if sign == "_" or unicodedata.category(sign)[0] in "LMN" else " " for sign in text).split()


def _fold(word: str) -> str:
    """Return a word without what the collation does not tell apart: case and accents."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(sign))
