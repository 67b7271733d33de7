"""The entries of a photo in the index of words.

Besides its words, a photo has entries for its tags as a whole, for stems, for its language and for everything. Each
kind begins with a sign that no word has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from catalog.words import MAX_WORD_CHARACTERS, stem, tokens, words

EVERY_PHOTO = "*"
_TAG = "#"
_STEM = "~"
_LANGUAGE = "@"
LANGUAGES = (_LANGUAGE, chr(ord(_LANGUAGE) + 1))
"""The range of the entries of languages, its end excluded."""
MAX_ENTRY_CHARACTERS = MAX_WORD_CHARACTERS + 1


@dataclass(frozen=True)
class Texts:
    """What the index has of a photo. `language` is that of the annotation, as a BCP 47 tag."""

    filename: str
    caption: str | None
    alt_text: str | None
    tags: tuple[str, ...]
    language: str | None

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Each text of the photo."""
        return (self.filename, self.caption or "", self.alt_text or "", *self.tags)

    @cached_property
    def sequences(self) -> tuple[list[str], ...]:
        """The words of each text, in order."""
        return tuple(words(field) for field in self.fields)

    @cached_property
    def entries(self) -> frozenset[str]:
        """All entries of the photo."""
        own = {token.word for field in self.fields for token in tokens(field)}
        entries = own | {EVERY_PHOTO} | {tag_entry(tag) for tag in self.tags if words(tag)}
        if self.language:
            entries.add(_LANGUAGE + self.language.lower()[:MAX_WORD_CHARACTERS])
            entries |= {_STEM + root for word in own if (root := stem(word, self.language)) and root != word}
        return frozenset(entries)


def tag_entry(tag: str) -> str:
    """Return the entry of a tag as a whole."""
    return (_TAG + " ".join(words(tag)))[:MAX_ENTRY_CHARACTERS]


def language_of(entry: str) -> str:
    """Return the language of an entry in the range LANGUAGES."""
    return entry.removeprefix(_LANGUAGE)


def inflections(word: str, languages: Iterable[str]) -> frozenset[str]:
    """Return the entries of a word and of the words with the same stem in one of the languages."""
    roots = {root for language in languages if (root := stem(word, language))}
    return frozenset({word} | roots | {_STEM + root for root in roots})
