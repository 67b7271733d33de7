"""What the JSON API accepts; validation and /openapi.json use these types."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from catalog.images import EDITABLE, MAX_TEXT_CHARACTERS
from catalog.limits import MAX_BYTES
from catalog.search import Search, parse
from web.schemas import MAX_LIMIT, Id

MAX_QUERY_CHARACTERS = 200
MAX_WHERE_CHARACTERS = 1000

_TOKEN = r"[A-Za-z0-9_!#$%&'*+.^`|~-]+"  # noqa: S105
_MEDIA_TYPE = rf"^[ \t]*({_TOKEN}/{_TOKEN}[ \t]*(;[^\x00-\x08\x0a-\x1f\x7f]*)?)?$"
"""https://www.rfc-editor.org/rfc/rfc9110#name-media-type"""


def _message(text: str) -> WrapValidator:
    """Use one message for everything that can be wrong with a field."""

    def validate(value: Any, handler: Any) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            raise PydanticCustomError("invalid_field", "{text}", {"text": text}) from error

    return WrapValidator(validate)


def _read_digits(value: object) -> object:
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,3}", value) else value


def _read_integral(value: object) -> object:
    """Accept 12.0 as a whole number: JSON has only one number type."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read_query(text: str) -> str:
    query = text.lstrip()[:MAX_QUERY_CHARACTERS]
    if query.strip() and not parse(query).clauses:
        raise PydanticCustomError("no_words", "The search has no words. Enter letters or digits.")
    return query


def _normalize_tags(tags: list[str]) -> list[str]:
    unique: dict[str, str] = {}
    for tag in tags:
        if words := " ".join(tag.split()):
            unique.setdefault(words.casefold(), words)
    return list(unique.values())


Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS), AfterValidator(str.strip)]
Tags = Annotated[
    list[Annotated[str, Field(max_length=50)]],
    Field(max_length=30, description="Empty and repeated tags are removed."),
    AfterValidator(_normalize_tags),
]


class PageQuery(BaseModel):
    """Which photos to list."""

    limit: Annotated[
        int,
        Field(ge=1, le=MAX_LIMIT, strict=True, description="The maximum number of photos."),
        BeforeValidator(_read_digits),
        _message(f"limit must be a whole number from 1 to {MAX_LIMIT}."),
    ] = 50
    before: Annotated[
        Id | None,
        Field(description="Only photos older than this one. Use `next` of the previous page."),
        _message("before must be the ID of a photo."),
    ] = None
    q: Annotated[
        str,
        Field(
            description="A search in file names, captions, alternative texts and tags. Photos must have every word, or "
            'one with the same stem; the last word may be incomplete. Also: `"exact phrase"`, `-without`, `a OR b`, '
            "`tag:cat`, `file:img_12`, `is:failed`, `is:pending`, `is:edited`, `is:offline`, `model:`, "
            "`before:2026-01-31` and `after:2026-01-31`. The first 200 characters and their first eight words count. "
            "A query that isn't blank needs at least one letter or digit.",
            json_schema_extra={"pattern": r"^\s*$|[\p{L}\p{N}]"},
        ),
        AfterValidator(_read_query),
    ] = ""

    @cached_property
    def search(self) -> Search | None:
        """The parsed query; None when it is blank."""
        return parse(self.q) if self.q.strip() else None


class WordQuery(BaseModel):
    """Which words to list."""

    prefix: Annotated[
        str,
        Field(description="The beginning of a word. Of several words, the last one counts."),
        AfterValidator(lambda text: text[:MAX_QUERY_CHARACTERS]),
    ] = ""


class Body(BaseModel):
    """A JSON body, which must not have unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True)


class UploadRequest(Body):
    """A file that a client wants to upload."""

    filename: str = Field(min_length=1, max_length=1000, description="Folders and control characters are removed.")
    content_type: str = Field(
        max_length=100,
        pattern=_MEDIA_TYPE,
        description="A media type, or empty if unknown. Only the content of the file decides whether it is a picture. "
        "The form has the standard name of a known picture type, otherwise application/octet-stream.",
    )
    bytes: Annotated[int, BeforeValidator(_read_integral)] = Field(
        ge=1, description="The size of the file.", json_schema_extra={"maximum": MAX_BYTES}
    )


class Seen(Body):
    """The values that the client saw before the edit."""

    caption: str | None = None
    alt_text: str | None = None
    tags: list[str] = []


class Edit(Body):
    """A change of some editable fields. Omitted fields keep their values."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [name]} for name in EDITABLE]})

    caption: Text = ""
    alt_text: Text = ""
    tags: Tags = []
    seen: Seen | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """The new values, by field name."""
        return self.model_dump(include=set(EDITABLE), exclude_unset=True)

    @property
    def seen_values(self) -> dict[str, Any]:
        """The values before the edit, as far as the client sent them."""
        return self.seen.model_dump(exclude_unset=True) if self.seen else {}


class AnotherAnnotation(Body):
    """How to annotate a photo again."""

    overwrite: bool = Field(default=False, description="Whether the new texts replace those that a person wrote.")


class FailedSelection(Body):
    """The failed photos to process again."""

    where: str = Field(
        max_length=MAX_WHERE_CHARACTERS,
        description="Terms that a photo must fulfil, separated by blanks: `state:` (`ready`, `pending` or `failed`), "
        "`model:` (`model:offline` is the offline tagger), `prompt:`, `language:`, `before:` and `after:` with a date, "
        "`reason:` with a part of a failure reason, `id:`; or `all`. A value with blanks is quoted.",
        examples=["model:offline before:2026-06-01", "all"],
    )
    apply: bool = Field(default=False, description="Whether to do it; otherwise the photos are only counted.")


class AnnotatedSelection(FailedSelection, AnotherAnnotation):
    """The photos to annotate again."""
