"""Configuration from environment variables, read once into a frozen dataclass."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Self, get_type_hints


class ConfigurationError(Exception):
    """A variable is missing or has an unusable value; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of every service's configuration: the field `bucket_name` is read from `BUCKET_NAME`."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read every field from its variable; an empty variable counts as missing.

        Raises:
            ConfigurationError: variables are missing, or the value of an int field is not a number.
        """
        types = get_type_hints(cls)
        values: dict[str, str | int] = {}
        missing: list[str] = []
        for field in fields(cls):
            name = field.name.upper()
            text = environ.get(name, "")
            if not text:
                if field.default is MISSING:
                    missing.append(name)
            elif types[field.name] is int:
                try:
                    values[field.name] = int(text)
                except ValueError:
                    raise ConfigurationError(f"{name} must be a whole number, not {text!r}") from None
            else:
                values[field.name] = text
        if missing:
            raise ConfigurationError(f"missing environment variables: {', '.join(missing)}")
        return cls(**values)
