"""Configuration from environment variables, read once into a frozen dataclass."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Self, get_type_hints


class ConfigurationError(Exception):
    """A variable is missing or has an unusable value; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of every service's configuration: the field `bucket_name` is read from `BUCKET_NAME`."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read every field from its variable; an empty variable counts as missing.

        Raises:
            ConfigurationError: variables are missing, or the value of an int, Decimal or bool field is not one.
        """
        types = get_type_hints(cls)
        values: dict[str, Any] = {}
        missing: list[str] = []
        for field in fields(cls):
            name = field.name.upper()
            text = environ.get(name, "")
            if not text:
                if field.default is MISSING:
                    missing.append(name)
            else:
                values[field.name] = _read(name, text, types[field.name])
        if missing:
            raise ConfigurationError(f"missing environment variables: {', '.join(missing)}")
        return cls(**values)


def _read(name: str, text: str, kind: type) -> object:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text]
        if kind is Decimal and not Decimal(text).is_finite():
            raise ValueError
        return kind(text)
    except (KeyError, ValueError, InvalidOperation):
        expected = {int: "a whole number", Decimal: "a number", bool: "true or false"}[kind]
        raise ConfigurationError(f"{name} must be {expected}, not {text!r}") from None
