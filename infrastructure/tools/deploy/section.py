"""Validated reading of YAML files: sections know their position, and report unknown keys and invalid values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from deploy.errors import EnvironmentFileError
from deploy.template import UniqueKeyLoader


class Section:
    """A mapping in a file. Reading a key removes it, so that `refuse_other_keys` finds unknown ones.

    Every method raises EnvironmentFileError with the position if the content is invalid.
    """

    def __init__(self, path: Path, key: str, value: object) -> None:
        """Check that the value is a mapping with strings as keys; `key` is its position, with a dot at the end."""
        if not isinstance(value, dict):
            raise EnvironmentFileError(f"{path}: {key.rstrip('.') or 'the file'} must be a mapping, not {value!r}")
        self.path = path
        self._key = key
        self._unread = dict(value)
        if odd := [name for name in value if not isinstance(name, str)]:
            raise self.error(f"{odd[0]} is not a string key: put it in quotes")

    @classmethod
    def read(cls, path: Path, variables: Mapping[str, str] = MappingProxyType({})) -> Section:
        """Read a file; `${NAME}` in its values is replaced by `variables[NAME]`."""
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), UniqueKeyLoader)  # noqa: S506 - a safe loader
        except yaml.YAMLError as error:
            raise EnvironmentFileError(f"{path} is not valid YAML: {error}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentFileError(f"{path} cannot be read: {error}") from error
        return cls(path, "", _substitute(content, variables, path))

    def __contains__(self, name: str) -> bool:
        """Tell whether a key is there and unread."""
        return name in self._unread

    def error(self, problem: str) -> EnvironmentFileError:
        """Return an error; `problem` begins with a key of this section."""
        return EnvironmentFileError(f"{self.path}: {self._key}{problem}")

    def section(self, name: str) -> Section:
        """Read a section, which may be missing or empty."""
        value = self._unread.pop(name, None)
        return Section(self.path, f"{self._key}{name}.", {} if value is None else value)

    def sections(self) -> dict[str, Section]:
        """Read all keys as sections."""
        values = self.values()
        return {name: Section(self.path, f"{self._key}{name}.", value) for name, value in values.items()}

    def values(self) -> dict[str, object]:
        """Read all keys."""
        values, self._unread = self._unread, {}
        return values

    def text(self, name: str) -> str:
        """Read a string that is not empty."""
        value = self._unread.pop(name, None)
        if not isinstance(value, str) or not value:
            raise self.error(f"{name} must be a string, not {value!r}")
        return value

    def texts(self) -> dict[str, str]:
        """Read all keys as strings, which CloudFormation requires; other scalars are converted."""
        values = self.values()
        for name, value in values.items():
            if not isinstance(value, str | int | float):
                raise self.error(f"{name} must be a string or a number, not {value!r}")
        return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}

    def refuse_other_keys(self) -> None:
        """Check that all keys were read."""
        if self._unread:
            raise EnvironmentFileError(f"{self.path}: unknown key {self._key}{next(iter(self._unread))}")


def _substitute(value: Any, variables: Mapping[str, str], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(item, variables, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, variables, path) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        try:
            return variables[match[1]]
        except KeyError:
            raise EnvironmentFileError(f"{path}: variable {match[1]} is not set") from None

    return re.sub(r"\$\{(\w+)\}", replace, value)
