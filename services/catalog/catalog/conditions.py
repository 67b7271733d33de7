"""The SQL of a search: which photos may match a clause, by the index of words or by the columns of `image`.

A condition never leaves out a photo that matches. `is_exact` tells whether it also leaves out all others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from catalog.entries import inflections, tag_entry
from catalog.keys import lowest_id
from catalog.search import After, Alternative, Before, File, Is, Model, Phrase, Tag, Term, Word
from catalog.selection import OFFLINE_MODEL

FORM_AGE = timedelta(hours=2)
"""A photo is uploaded at most so long after its id was created: forms are valid for an hour."""


MAX_JOINED = 3
"""How many entries are looked up by joins. A join takes a fifth of the time of a subquery."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of the index that a photo has one of; `prefix` stands for all words that begin with it."""

    entries: tuple[str, ...]
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL condition and its values."""

    sql: str
    values: tuple[Any, ...] = ()
    is_exact: bool = True


class Lookups:
    """Entries that are looked up for each row `w` of `image_word`."""

    def __init__(self, known: Collection[str]) -> None:
        """Remember which entries photos have; others need no lookup."""
        self._known = known
        self._aliases: dict[str, str] = {}

    @property
    def joins(self) -> str:
        """The joins of a statement; their values are `entries`."""
        return " ".join(
            f"LEFT JOIN image_word AS {alias} ON {alias}.word = %s AND {alias}.image_id = w.image_id"
            for alias in self._aliases.values()
        )

    @property
    def entries(self) -> list[str]:
        """The entries to join."""
        return list(self._aliases)

    def condition(self, part: Entries) -> Condition:
        """Return the condition that a photo has one of some entries."""
        known = [entry for entry in part.entries if entry in self._known]
        if part.prefix is None and len(known) <= MAX_JOINED:
            aliases = [self._aliases.setdefault(entry, f"e{len(self._aliases)}") for entry in known]
            return Condition(f"({' OR '.join(['FALSE', *(f'{alias}.word IS NOT NULL' for alias in aliases)])})")
        where = "e.word IN %s"
        values: list[Any] = [list(part.entries)]
        if part.prefix is not None:
            where, values = f"({where} OR e.word >= %s AND e.word < %s)", [*values, *span(part.prefix)]
        return Condition(
            f"(SELECT 1 FROM image_word AS e WHERE e.image_id = w.image_id AND {where} LIMIT 1) IS NOT NULL",
            tuple(values),
        )


def span(prefix: str) -> tuple[str, str]:
    """Return the range of words that begin with a prefix, its end excluded; words sort by code point."""
    return prefix, prefix + "\U0010ffff"


def entries_of(term: Term, languages: Sequence[str]) -> list[Entries] | None:
    """Return the entries that a photo has if it fulfils a term: one of each; None if the index cannot tell."""
    match term:
        case Word(word, is_prefix):
            return [Entries(tuple(sorted(inflections(word, languages))), word if is_prefix else None)]
        case Phrase(words):
            return [Entries((word,)) for word in words]
        case Tag(words):
            return [Entries((tag_entry(" ".join(words)),))]
        case File((*whole, last)):
            return [*(Entries((word,)) for word in whole), Entries((last,), last)]
    return None


def in_index(clause: Sequence[Alternative], languages: Sequence[str], lookups: Lookups) -> Condition:
    """Return the condition that the index of words has for a clause."""
    if not all(_is_listed(found) for found in clause):
        return Condition("TRUE", is_exact=False)
    parts: list[Condition] = []
    for found in clause:
        conditions = [lookups.condition(part) for part in entries_of(found.term, languages) or ()]
        sql = " AND ".join(condition.sql for condition in conditions)
        values = tuple(value for condition in conditions for value in condition.values)
        parts.append(Condition(f"NOT ({sql})" if found.is_excluded else f"({sql})", values, is_exact(found.term)))
    return _any(parts)


def _is_listed(found: Alternative) -> bool:
    """Tell whether the index has a condition for a term; for one that is excluded, only an exact one is right."""
    return not isinstance(found.term, Is | Model | Before | After) and (not found.is_excluded or is_exact(found.term))


def is_exact(term: Term) -> bool:
    """Tell whether photos that have the entries of a term fulfil it."""
    return isinstance(term, Word | Tag) or (isinstance(term, Phrase) and len(term.words) == 1)


def in_image(clause: Sequence[Alternative]) -> Condition | None:
    """Return the condition on the columns of `image`; None if they do not tell whether a photo fulfils the clause."""
    parts: list[Condition] = []
    for found in clause:
        condition = _column_condition(found.term)
        if condition is None:
            return None
        sql, *values = condition
        parts.append(Condition(f"NOT {sql}" if found.is_excluded else sql, tuple(values)))
    return _any(parts)


def _any(parts: Sequence[Condition]) -> Condition:
    return Condition(
        f"({' OR '.join(part.sql for part in parts)})",
        tuple(value for part in parts for value in part.values),
        all(part.is_exact for part in parts),
    )


def _column_condition(term: Term) -> tuple[Any, ...] | None:
    match term:
        case Is("failed" | "pending" as status):
            return (f"(thumbnail_status = '{status}' OR annotation_status = '{status}')",)
        case Is("edited"):
            return ("(edited = TRUE)",)
        case Is():
            return ("(model <=> %s)", OFFLINE_MODEL)
        case Model(model):
            return ("(model <=> %s)", model)
        # The first comparison is for the order of the table, which is that of ids.
        case Before(moment):
            return ("(id < %s AND uploaded_at < %s)", lowest_id(moment), moment.replace(tzinfo=None))
        case After(moment):
            return ("(id >= %s AND uploaded_at >= %s)", lowest_id(moment - FORM_AGE), moment.replace(tzinfo=None))
    return None
