"""The text of a comment or an issue: the contents of files, below a marker that nobody sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reporting.errors import ReportingError
from reporting.github import AUTHOR

LONGEST = 65_536
"""Characters that GitHub takes in a comment or an issue."""


_OMITTED = "**One more section does not fit here; it is in the log of its job.**"


def read_sections(paths: Sequence[Path]) -> tuple[list[str], list[Path]]:
    """Read the sections that jobs wrote, without the empty ones, which say that there is nothing to tell.

    Returns:
        The sections, and the files that are missing. A section says so in place of each: whoever reads it must not
        take silence for good news.

    Raises:
        ReportingError: a file cannot be read.
    """
    sections, missing = [], []
    for path in paths:
        try:
            section = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            missing.append(path)
            section = f"### `{path.stem}`\n\n**Nothing is known: the job ended before it could say. Its log says why.**"
        except (OSError, UnicodeDecodeError) as error:
            raise ReportingError(f"{path} cannot be read: {error}") from error
        if section:
            sections.append(section)
    return sections, missing


def body(marker: str, *parts: str) -> str:
    """Return parts one below the other, and a line in place of those for which there is no room.

    Args:
        marker: what `is_ours` finds it by.
        parts: in their order; none is cut.
    """
    text = f"<!-- {marker} -->"
    room = LONGEST - len(f"\n\n{_OMITTED}") * len(parts)
    for part in parts:
        text += f"\n\n{part if len(text) + len(part) < room else _OMITTED}"
    return text


def is_ours(marker: str, found: Mapping[str, Any]) -> bool:
    """Tell whether a comment or an issue was made by this pipeline.

    The marker alone is not enough: anybody may write it, and could then change what the pipeline says in their name.
    """
    return found["user"]["login"] == AUTHOR and (found["body"] or "").startswith(f"<!-- {marker} -->")
