"""Changelogs: a section for each version, newest first, with a heading such as `## 0.2.1 - 2026-11-25`."""

import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise

from release.version import Version

_HEADING = re.compile(r"^## (\d+\.\d+\.\d+)(?: .*)?$", re.MULTILINE)


def section(version: Version, day: date, entries: str, bundled: Mapping[str, Version]) -> str:
    """Return the section of a version: its changes, and the versions of the bundled packages."""
    text = f"## {version} - {day.isoformat()}\n\n{entries}\n"
    if bundled:
        text += f"\nIt bundles {' and '.join(f'{name} {number}' for name, number in bundled.items())}.\n"
    return text


def section_text(changelog: str, version: Version) -> str | None:
    """Return the text of the section of a version, or None if it is missing."""
    _, sections = _split(changelog)
    found = (text.partition("\n")[2].strip() for number, text in sections if number == str(version))
    return next(found, None)


def with_section(changelog: str, new: str, instead_of: Version | None) -> str:
    """Return a changelog with a new section at the top, without the section of the version `instead_of`.

    Line endings are preserved.
    """
    head, sections = _split(changelog)
    kept = [text for number, text in sections if number != str(instead_of)]
    text = "\n".join(part.strip("\n") + "\n" for part in (head, new, *kept) if part.strip())
    return text.replace("\n", "\r\n") if "\r\n" in changelog else text


def _split(changelog: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the text above the sections, and each section with its version; lines end in `\\n`."""
    text = changelog.replace("\r\n", "\n")
    headings = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings), len(text)]
    sections = [(heading[1], text[start:end]) for heading, (start, end) in zip(headings, pairwise(ends), strict=True)]
    return text[: ends[0]], sections
