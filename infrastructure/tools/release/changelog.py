"""The changelog of a service: a section for each version, the newest first, under `## 0.2.1 - 2026-11-25`."""

import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise

from release.version import Version

_HEADING = re.compile(r"^## (\d+\.\d+\.\d+)(?: .*)?$", re.MULTILINE)


def section(version: Version, day: date, entries: str, bundled: Mapping[str, Version]) -> str:
    """Return the section of a version: what changed, and the versions of what it bundles."""
    text = f"## {version} - {day.isoformat()}\n\n{entries}\n"
    if bundled:
        text += f"\nIt bundles {' and '.join(f'{name} {number}' for name, number in bundled.items())}.\n"
    return text


def words(changelog: str, version: Version) -> str | None:
    """Return what the section of a version says below its heading, or None if there is none."""
    _, sections = _split(changelog)
    found = (text.partition("\n")[2].strip() for number, text in sections if number == str(version))
    return next(found, None)


def with_section(changelog: str, new: str, instead_of: Version | None) -> str:
    """Return a changelog with a new section above the others, and without the one of a version that is dropped.

    The lines end as they did.
    """
    head, sections = _split(changelog)
    kept = [text for number, text in sections if number != str(instead_of)]
    text = "\n".join(part.strip("\n") + "\n" for part in (head, new, *kept) if part.strip())
    return text.replace("\n", "\r\n") if "\r\n" in changelog else text


def _split(changelog: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what is above the sections, and each section with its version; lines end in `\\n`."""
    text = changelog.replace("\r\n", "\n")
    headings = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings), len(text)]
    sections = [(heading[1], text[start:end]) for heading, (start, end) in zip(headings, pairwise(ends), strict=True)]
    return text[: ends[0]], sections
