"""Finds the description of a photo in a model's answer, even if the answer follows the schema only roughly."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from annotate.gemini.cleaning import clean

MAX_CAPTION_CHARACTERS = 400
MAX_ALT_TEXT_CHARACTERS = 600
MAX_TAG_CHARACTERS = 40
MAX_TAGS = 10

_DECODER = json.JSONDecoder(strict=False)  # accepts line breaks within strings
_MAX_OBJECTS = 20
# A string or an escaped character, which are kept, or a comma before the end of a list or object.
_STRING_OR_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+"|\\.)|,(?=\s*[}\]])', re.DOTALL)
_BETWEEN_TAGS = re.compile(r"[,;\n#]")


class InvalidAnswerError(ValueError):
    """The model's answer has no description. The message does not quote the answer."""


@dataclass(frozen=True)
class Description:
    """A model's description of a photo, cleaned."""

    caption: str
    alt_text: str
    tags: tuple[str, ...]


def parse(answer: str) -> Description:
    """Return the description in a model's answer, in the model's own words.

    The answer should be one JSON object. Because each answer is paid for, an object within other text, a code fence or
    a list is found, too. Line breaks in strings, a comma after the last field, and tags in one string are accepted. If
    one of caption and alternative text is missing, the other one stands for both. White space is normalised, control
    characters are removed, and texts that are too long are shortened.

    Raises:
        InvalidAnswerError: the answer has no JSON object with words.
    """
    is_json = False
    for fields in _objects(answer):
        is_json = True
        caption, alt_text = _words(fields.get("caption")), _words(fields.get("alt_text"))
        if caption or alt_text:
            return Description(
                _shortened(caption or alt_text, MAX_CAPTION_CHARACTERS),
                _shortened(alt_text or caption, MAX_ALT_TEXT_CHARACTERS),
                _tags(fields.get("tags")),
            )
    raise InvalidAnswerError("it has no words" if is_json else "it is not JSON")


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects in a text, outer ones first; only the first _MAX_OBJECTS opening braces are tried."""
    for candidate in (text, _STRING_OR_LAST_COMMA.sub(lambda match: match[1] or "", text)):
        start = -1
        for _ in range(_MAX_OBJECTS):
            start = candidate.find("{", start + 1)
            if start < 0:
                break
            try:
                found, _ = _DECODER.raw_decode(candidate, start)
            except (ValueError, RecursionError):
                continue
            yield found


def _words(value: object) -> str:
    """Return a text with at least one letter or digit, cleaned; nothing for anything else."""
    text = clean(value) if isinstance(value, str) else ""
    return text if re.search(r"\w", text) else ""


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    words = text[: limit - 1].rpartition(" ")[0] or text[: limit - 1]
    return f"{words.rstrip(' ,;:')}…"


def _tags(value: object) -> tuple[str, ...]:
    parts = _BETWEEN_TAGS.split(value) if isinstance(value, str) else value if isinstance(value, list) else []
    tags = (clean(part).lower().strip("#.,;: ") for part in parts if isinstance(part, str))
    return tuple(dict.fromkeys(tag for tag in tags if 0 < len(tag) <= MAX_TAG_CHARACTERS))[:MAX_TAGS]
