"""The language of searches: `orange cat -dog "by the sea" tag:cat OR tag:dog is:edited after:2026`.

A photo matches if it fulfils every term. Terms joined by OR are alternatives, and a term after `-` must not match. A
word also finds words with the same stem. The last word is also the beginning of a word, while people type it. Quotation
marks find words in this order. Unknown prefixes and impossible dates are ordinary words.

Any text is a search, because people paste captions and file names. So at most MAX_WORDS words count, and the others are
ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal, get_args

from catalog.entries import Texts, inflections, tag_entry
from catalog.images import Image
from catalog.selection import OFFLINE_MODEL
from catalog.words import search_words, tokens, words

MAX_WORDS = 8
FIRST_YEAR = 1971

State = Literal["failed", "pending", "edited", "offline"]


@dataclass(frozen=True, slots=True)
class Word:
    """A text has this word, or one with the same stem; as a prefix, also a word that begins with it."""

    word: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text has these words in this order, with none between them."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """The photo has this tag; `words` are those of the tag."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """The file name has these words in this order; the last one may be the beginning of a word."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Is:
    """The photo is in this state."""

    state: State


@dataclass(frozen=True, slots=True)
class Model:
    """This model wrote the annotation."""

    model: str


@dataclass(frozen=True, slots=True)
class Before:
    """The photo was uploaded before this moment."""

    moment: datetime


@dataclass(frozen=True, slots=True)
class After:
    """The photo was uploaded at this moment or later."""

    moment: datetime


Term = Word | Phrase | Tag | File | Is | Model | Before | After


@dataclass(frozen=True, slots=True)
class Alternative:
    """A term that must match, or must not match."""

    term: Term
    is_excluded: bool = False


@dataclass(frozen=True)
class Search:
    """A photo matches if each clause has an alternative that it fulfils. `ignored` are the words left out."""

    clauses: tuple[tuple[Alternative, ...], ...]
    ignored: tuple[str, ...] = ()

    @cached_property
    def wanted(self) -> tuple[Term, ...]:
        """The terms that are not excluded."""
        return tuple(found.term for clause in self.clauses for found in clause if not found.is_excluded)

    def matches(self, image: Image, languages: Iterable[str]) -> bool:
        """Tell whether a photo matches. Words find others with the same stem in one of the languages."""
        texts = texts_of(image)
        return all(
            any(_fulfils(image, texts, found.term, languages) != found.is_excluded for found in clause)
            for clause in self.clauses
        )

    def highlights(self, image: Image, languages: Iterable[str]) -> list[str]:
        """Return the parts of a photo's texts that the search found, as they are written there, the longest first."""
        exact: set[str] = set()
        prefixes: list[str] = []
        for term in self.wanted:
            match term:
                case Word(word, is_prefix):
                    exact |= inflections(word, languages)
                    prefixes += [word] * is_prefix
                case Phrase(parts) | Tag(parts):
                    exact |= set(parts)
                case File(parts):
                    exact |= set(parts)
                    prefixes.append(parts[-1])
        found = {
            field[token.start : token.end]
            for field in texts_of(image).fields
            for token in tokens(field)
            if token.word.startswith(tuple(prefixes)) or not exact.isdisjoint(inflections(token.word, languages))
        }
        return sorted(found, key=lambda part: (-len(part), part))


def parse(text: str) -> Search:
    """Return the search that a text describes; it has no clauses if the text has no words."""
    clauses: list[tuple[Alternative, ...]] = []
    ignored: list[str] = []
    budget = MAX_WORDS
    for group in _groups(text):
        match group:
            case (Alternative(Phrase(found), is_excluded),) if len(found) > budget > 0:  # a pasted caption
                ignored += found[budget:]
                group = (Alternative(Phrase(found[:budget]), is_excluded),)
        used = sum(_cost(found.term) for found in group)
        if group in clauses:
            continue
        if used > budget:
            ignored += [word for found in group for word in _words_of(found.term)]
            continue
        clauses.append(group)
        budget -= used
    return Search(tuple(clauses), tuple(dict.fromkeys(ignored)))


def texts_of(image: Image) -> Texts:
    """Return the texts of a photo that the index has."""
    return Texts(image.filename, image.caption, image.alt_text, image.tags, image.language)


QUOTES = '"“”„‟«»＂'
"""Signs that begin and end a phrase."""

_PLAIN_QUOTES = str.maketrans(dict.fromkeys(QUOTES, '"'))
_PART = re.compile(r'(?P<minus>-)?(?:(?P<field>[A-Za-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<bare>[^\s"]+))')


def _groups(text: str) -> Iterator[tuple[Alternative, ...]]:
    """Yield the clauses of a text, with all words."""
    parts = list(_PART.finditer(text.translate(_PLAIN_QUOTES)))
    group: list[Alternative] = []
    is_joined = False
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        if part[0] == "OR" and group and not is_last:
            is_joined = True
            continue
        is_choice = is_joined or (not is_last and parts[index + 1][0] == "OR" and index + 2 < len(parts))
        found = _alternatives(part, is_choice=is_choice, is_typed=is_last and part.end() == len(text))
        if not found:
            continue
        if group and not is_joined:
            yield tuple(group)
            group = []
        is_joined = False
        if is_choice:
            group += found
            continue
        for single in found[:-1]:
            yield (single,)
        group = [found[-1]]
    if group:
        yield tuple(group)


def _alternatives(part: re.Match[str], *, is_choice: bool, is_typed: bool) -> list[Alternative]:
    """Return the terms of a part of the text: several if it consists of several words that all must be there."""
    is_excluded = part["minus"] is not None
    value = part["bare"] if part["quoted"] is None else part["quoted"]
    if part["field"] is not None:
        read = _FIELDS.get(part["field"].casefold())
        term = read(value) if read else None
        if term is not None:
            return [Alternative(term, is_excluded)]
        value = f"{part['field']} {value}"
    found = tuple(search_words(value))
    if not found:
        return []
    if part["quoted"] is not None or (len(found) > 1 and (is_excluded or is_choice)):
        return [Alternative(Phrase(tuple(words(value))), is_excluded)]
    *others, last = found
    return [
        *(Alternative(Word(word), is_excluded) for word in others),
        Alternative(Word(last, is_prefix=is_typed and not is_excluded), is_excluded),
    ]


def _read_tag(value: str) -> Tag | None:
    found = tuple(words(value))
    return Tag(found) if found else None


def _read_file(value: str) -> File | None:
    found = tuple(words(value))
    return File(found) if found else None


def _read_state(value: str) -> Is | None:
    state = value.casefold()
    return Is(state) if state in get_args(State) else None  # type: ignore[arg-type]


def _read_model(value: str) -> Model | None:
    name = value.strip()
    return Model(OFFLINE_MODEL if name.casefold() == "offline" else name) if name else None


def _read_moment(value: str) -> datetime | None:
    """Read a date like 2026-01-31, a month like 2026-01, or a year; each stands for its beginning, in UTC.

    No photo is older than the first ids, which count from 1970.
    """
    match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?", value)
    if match is None:
        return None
    try:
        return datetime(max(int(match[1]), FIRST_YEAR), int(match[2] or 1), int(match[3] or 1), tzinfo=UTC)
    except ValueError:
        return None


def _read_before(value: str) -> Before | None:
    moment = _read_moment(value)
    return Before(moment) if moment else None


def _read_after(value: str) -> After | None:
    moment = _read_moment(value)
    return After(moment) if moment else None


_FIELDS: dict[str, Callable[[str], Term | None]] = {
    "tag": _read_tag,
    "file": _read_file,
    "is": _read_state,
    "model": _read_model,
    "before": _read_before,
    "after": _read_after,
}


def _words_of(term: Term) -> tuple[str, ...]:
    match term:
        case Word(word):
            return (word,)
        case Phrase(found) | Tag(found) | File(found):
            return found
    return ()


def _cost(term: Term) -> int:
    return 1 if isinstance(term, Tag) else max(1, len(_words_of(term)))  # the index has tags as a whole


def _fulfils(image: Image, texts: Texts, term: Term, languages: Iterable[str]) -> bool:
    match term:
        case Word(word, is_prefix):
            return not texts.entries.isdisjoint(inflections(word, languages)) or (
                is_prefix and any(entry.startswith(word) for entry in texts.entries)
            )
        case Phrase(parts):
            return any(_contains(sequence, parts) for sequence in texts.sequences)
        case Tag(parts):
            return tag_entry(" ".join(parts)) in texts.entries
        case File(parts):
            return _contains(texts.sequences[0], parts, is_prefix=True)
        case Is("failed" | "pending" as status):
            return status in (image.thumbnail_status, image.annotation_status)
        case Is("edited"):
            return image.edited
        case Is():
            return image.model == OFFLINE_MODEL
        case Model(model):
            return image.model == model
        case Before(moment):
            return image.uploaded_at < moment
        case After(moment):
            return image.uploaded_at >= moment


def _contains(sequence: list[str], parts: tuple[str, ...], *, is_prefix: bool = False) -> bool:
    """Tell whether a sequence of words has these neighbors."""
    *whole, last = parts
    return any(
        sequence[start : start + len(whole)] == whole
        and (sequence[start + len(whole)] == last or (is_prefix and sequence[start + len(whole)].startswith(last)))
        for start in range(len(sequence) - len(whole))
    )
