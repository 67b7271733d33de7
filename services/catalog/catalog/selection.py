"""Selects photos for a bulk operation: `state:ready model:offline before:2026-06-01`, or `all`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

STATES = ("ready", "pending", "failed")
OFFLINE_MODEL = "offline-tagger"


class SelectionError(ValueError):
    """A selection cannot be understood. The message tells people what to write."""


@dataclass(frozen=True, slots=True)
class Selection:
    """An SQL condition on the table `image`, and its values by position."""

    condition: str
    values: tuple[str, ...] = ()


def parse(text: str) -> Selection:
    """Return the selection that a text describes: the photos that fulfil all its terms.

    The terms are `state:ready|pending|failed` (of the annotation), `model:`, `prompt:`, `language:`, `before:` and
    `after:` with a date, `reason:` with a part of a failure reason, and `id:`. `all` alone selects every photo. A
    value with blanks is quoted. `model:offline` is the offline tagger.

    Raises:
        SelectionError: a term is unknown or its value is not valid, or there is no term.
    """
    try:
        terms = shlex.split(text)
    except ValueError:
        raise SelectionError("a quotation mark is missing") from None
    if terms == ["all"]:
        return Selection("TRUE")
    if not terms:
        raise SelectionError(f"select photos by {', '.join(f'{name}:' for name in _TERMS)} or all")
    conditions, values = [], []
    for term in terms:
        name, colon, value = term.partition(":")
        if not colon or name not in _TERMS:
            raise SelectionError(f"unknown term {term!r}; available: {', '.join(f'{name}:' for name in _TERMS)}, all")
        if not value:
            raise SelectionError(f"{name}: needs a value")
        condition, read = _TERMS[name]
        conditions.append(condition)
        values.append(read(value))
    return Selection(" AND ".join(conditions), tuple(values))


def _state(value: str) -> str:
    if value not in STATES:
        raise SelectionError(f"unknown state {value!r}; available: {', '.join(STATES)}")
    return value


def _date(value: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise SelectionError(f"{value!r} is not a date like 2026-06-01")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise SelectionError(f"{value!r} is not a date in the calendar") from None


def _model(value: str) -> str:
    return OFFLINE_MODEL if value == "offline" else value


def _part(value: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", value)
    return f"%{escaped}%"


_TERMS: dict[str, tuple[str, Callable[[str], str]]] = {
    "state": ("annotation_status = %s", _state),
    "model": ("model = %s", _model),
    "prompt": ("prompt_version = %s", str),
    "language": ("language = %s", str),
    "before": ("uploaded_at < %s", _date),
    "after": ("uploaded_at >= %s", _date),
    "reason": ("CONCAT_WS('\\n', thumbnail_reason, annotation_reason) LIKE %s", _part),
    "id": ("id = %s", str),
}
