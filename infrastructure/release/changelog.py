"""The changelog of a service: a section for each version, the newest first, under `## 0.2.1 - 2026-11-25`."""

import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise

from release.version import Version

_HEADING = re.compile(r"^## (\d+\.\d+\.\d+)(?: .*)?\r?$", re.MULTILINE)


def section(version: Version, day: date, entries: str, bundled: Mapping[str, Version]) -> str:
    """Return the section of a version: what changed, and the versions of what it bundles."""
    text = f"## {version} - {day.isoformat()}\n\n{entries}\n"
    if bundled:
        text += f"\nIt bundles {' and '.join(f'{name} {number}' for name, number in bundled.items())}.\n"
    return text


def has_section(changelog: str, version: Version) -> bool:
    """Return whether a version has a section."""
    return any(heading[1] == str(version) for heading in _HEADING.finditer(changelog))


def with_section(changelog: str, new: str, instead_of: Version | None) -> str:
    """Return a changelog with a new section above the others, and without the one of a version that is dropped."""
    starts = [heading.start() for heading in _HEADING.finditer(changelog)]
    head, *sections = (changelog[start:end] for start, end in pairwise([0, *starts, len(changelog)]))
    kept = [text for text in sections if instead_of is None or not has_section(text, instead_of)]
    return "\n".join(part.strip("\r\n") + "\n" for part in (head, new, *kept) if part.strip())
