"""Versions: three numbers, as in 0.2.1, compared by their value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from release.errors import ReleaseError

Part = Literal["major", "minor", "patch"]


@dataclass(frozen=True, order=True)
class Version:
    """A version of a service."""

    major: int
    minor: int
    patch: int

    @classmethod
    def find(cls, text: str) -> Version | None:
        """Read a version, or return None if the text is none: three numbers without leading zeros."""
        number = r"(0|[1-9][0-9]*)"
        match = re.fullmatch(rf"{number}\.{number}\.{number}", text)
        return match and cls(*(int(part) for part in match.groups()))

    @classmethod
    def parse(cls, text: object, where: str) -> Version:
        """Read a version; `where` says in an error what holds it.

        Raises:
            ReleaseError: it is none.
        """
        version = cls.find(text) if isinstance(text, str) else None
        if version is None:
            raise ReleaseError(f"{where} must be a version of three numbers such as 0.2.1, not {text!r}")
        return version

    def next(self, part: Part) -> Version:
        """Return the version after this one: `part` goes up, what follows it becomes 0."""
        if part == "major":
            return Version(self.major + 1, 0, 0)
        if part == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)

    def __str__(self) -> str:
        """Return the three numbers with points."""
        return f"{self.major}.{self.minor}.{self.patch}"
