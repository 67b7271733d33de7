"""The SQL of a search: which photos may match a clause, by the index of words or by the columns of `image`.

A condition never leaves out a photo that matches. `is_exact` tells whether it also leaves out all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from catalog.entries import inflections, tag_entry
from catalog.keys import lowest_id
from catalog.search import After, Alternative, Before, File, Is, Model, Phrase, Tag, Term, Word
from catalog.selection import OFFLINE_MODEL

FORM_AGE = timedelta(hours=2)
"""A photo is uploaded at most so long after its id was created: forms are valid for an hour."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of the index that a photo has one of; `prefix` stands for all words that begin with it."""

    entries: tuple[str, ...]
    prefix: str | None = None

    def where(self, alias: str) -> tuple[str, list[Any]]:
        """Return the condition that a row of `image_word` is one of these, and its values."""
        condition, values = f"{alias}.word IN %s", [list(self.entries)]
        if self.prefix is None:
            return condition, values
        return f"({condition} OR {alias}.word >= %s AND {alias}.word < %s)", [*values, *span(self.prefix)]


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL condition and its values."""

    sql: str
    values: tuple[Any, ...] = ()
    is_exact: bool = True


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


def in_index(clause: Sequence[Alternative], languages: Sequence[str]) -> Condition:
    """Return the condition that the index of words has for a clause, on a row `w` of `image_word`."""
    parts: list[Condition] = []
    for found in clause:
        entries = entries_of(found.term, languages)
        if entries is None:
            return Condition("TRUE", is_exact=False)
        is_exact = isinstance(found.term, Word | Tag) or (len(entries) == 1 and isinstance(found.term, Phrase))
        if found.is_excluded and not is_exact:
            return Condition("TRUE", is_exact=False)
        wheres = [entry.where("e") for entry in entries]
        # A scalar subquery: as EXISTS, the optimizer may read all photos with a common word first.
        sql = " AND ".join(
            f"(SELECT 1 FROM image_word AS e WHERE e.image_id = w.image_id AND {where} LIMIT 1) IS NOT NULL"
            for where, _ in wheres
        )
        values = tuple(value for _, some in wheres for value in some)
        parts.append(Condition(f"NOT ({sql})" if found.is_excluded else f"({sql})", values, is_exact))
    return _any(parts)


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
