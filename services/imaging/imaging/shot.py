"""Reads when and with which camera a photo was taken. The location is never read, for privacy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from imaging.exif import LONG, Exif

MAX_CAMERA_CHARACTERS = 100

_MAKE, _MODEL, _DETAILS = 0x010F, 0x0110, 0x8769
_TAKEN, _DIGITISED = 0x9003, 0x9004
_TIME = re.compile(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d)", re.ASCII)
_MOST_BYTES = 4 * MAX_CAMERA_CHARACTERS


@dataclass(frozen=True)
class Shot:
    """What a file says about the shot.

    Attributes:
        taken: the camera's local time, as in `2026-06-30 18:05`; None if it is unknown or impossible.
        camera: make and model, at most MAX_CAMERA_CHARACTERS printable characters; None if both are unknown.
    """

    taken: str | None = None
    camera: str | None = None


def read_shot(metadata: bytes) -> Shot:
    """Return what EXIF metadata, with or without the `Exif` prefix, say about the shot; damaged entries are ignored.

    https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E (4.6.4, 4.6.5)
    """
    exif = Exif(metadata)
    texts: dict[int, str] = {}
    for entry in exif.entries():
        if entry.tag in (_MAKE, _MODEL):
            texts.setdefault(entry.tag, _printable(exif.text(entry, _MOST_BYTES)))
        elif entry.tag == _DETAILS and entry.kind == LONG:
            for detail in exif.entries(entry.value):
                if detail.tag in (_TAKEN, _DIGITISED):
                    texts.setdefault(detail.tag, exif.text(detail, _MOST_BYTES))
    return Shot(
        _time(texts.get(_TAKEN, "")) or _time(texts.get(_DIGITISED, "")),
        _camera(texts.get(_MAKE, ""), texts.get(_MODEL, "")),
    )


def _time(text: str) -> str | None:
    match = _TIME.match(text)
    if match is None:
        return None
    year, month, day, hour, minute = map(int, match.groups())
    try:
        return f"{datetime(year, month, day, hour, minute, tzinfo=UTC):%Y-%m-%d %H:%M}"  # the real zone is unknown
    except ValueError:  # such as 0000:00:00 00:00:00, of a camera whose clock was not set
        return None


def _camera(make: str, model: str) -> str | None:
    """Return make and model; many models begin with their make, or with its first word."""
    first = make.partition(" ")[0].lower()
    names = [model] if first and model.lower().startswith(first) else [make, model]
    return " ".join(name for name in names if name)[:MAX_CAMERA_CHARACTERS].strip() or None


def _printable(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
