"""The text of a comment or an issue: the content of files below a hidden marker."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reporting.errors import ReportingError
from reporting.github import AUTHOR

LONGEST = 65_536
"""The maximum length of a comment or an issue on GitHub, in characters."""

_OMITTED = "**A section does not fit here; see the log of its job.**"


def read_sections(paths: Sequence[Path]) -> tuple[list[str], list[Path]]:
    """Read the sections that jobs wrote; empty ones, which mean that there is nothing to report, are left out.

    Returns:
        The sections, and the missing files. A section reports each missing file, because its absence is no success.

    Raises:
        ReportingError: a file cannot be read.
    """
    sections, missing = [], []
    for path in paths:
        try:
            section = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            missing.append(path)
            section = f"### `{path.stem}`\n\n**No result: the job ended before it wrote one. See its log.**"
        except (OSError, UnicodeDecodeError) as error:
            raise ReportingError(f"{path} cannot be read: {error}") from error
        if section:
            sections.append(section)
    return sections, missing


def body(marker: str, *parts: str) -> str:
    """Return the parts below each other; a line replaces those that do not fit.

    Args:
        marker: identifies the text for `is_ours`.
        parts: the parts in order; none is cut.
    """
    text = f"<!-- {marker} -->"
    room = LONGEST - len(f"\n\n{_OMITTED}") * len(parts)
    for part in parts:
        text += f"\n\n{part if len(text) + len(part) < room else _OMITTED}"
    return text


def is_ours(marker: str, found: Mapping[str, Any]) -> bool:
    """Tell whether this pipeline wrote a comment or an issue.

    The marker alone is not enough: anyone could copy it into a text of their own.
    """
    return found["user"]["login"] == AUTHOR and (found["body"] or "").startswith(f"<!-- {marker} -->")
