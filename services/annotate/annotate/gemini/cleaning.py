"""Cleans texts from outside: the model's words, names of the service, and facts from files."""

import re

MAX_NAME_CHARACTERS = 100

# Control characters, direction overrides, and surrogates, which are valid in JSON but not in a database.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)


def clean(text: str) -> str:
    """Return a text with normal white space and without control characters."""
    return " ".join(_UNPRINTABLE.sub("", " ".join(text.split())).split())


def name(text: object) -> str | None:
    """Return a name that the service sent, such as `MAX_TOKENS`; None for anything that cannot be one.

    So a sentence, which may quote a key or a photo, never becomes a name.
    """
    if isinstance(text, str) and len(text) <= MAX_NAME_CHARACTERS and _NAME.fullmatch(text):
        return text
    return None
