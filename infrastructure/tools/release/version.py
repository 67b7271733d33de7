"""Versions: three numbers such as 0.2.1, compared numerically."""

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
        """Parse three numbers without leading zeros; return None if the text is something else."""
        number = r"(0|[1-9][0-9]*)"
        match = re.fullmatch(rf"{number}\.{number}\.{number}", text)
        return match and cls(*(int(part) for part in match.groups()))

    @classmethod
    def parse(cls, text: object, where: str) -> Version:
        """Parse a version; `where` names its position in errors.

        Raises:
            ReleaseError: the text is not a version.
        """
        version = cls.find(text) if isinstance(text, str) else None
        if version is None:
            raise ReleaseError(f"{where} must be a version of three numbers such as 0.2.1, not {text!r}")
        return version

    def next(self, part: Part) -> Version:
        """Return the next version: `part` is increased, and the numbers after it become 0."""
        if part == "major":
            return Version(self.major + 1, 0, 0)
        if part == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)

    def __str__(self) -> str:
        """Return the version as in 0.2.1."""
        return f"{self.major}.{self.minor}.{self.patch}"
