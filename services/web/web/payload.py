"""Reads what clients send. Invalid input is an HTTP error whose description tells people what to change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from flask import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from catalog.images import EDITABLE
from catalog.limits import CONTENT_TYPES, MAX_BYTES, TOO_LARGE
from web.inputs import AnnotatedSelection, AnotherAnnotation, Edit, FailedSelection, PageQuery, UploadRequest, WordQuery

ANY_BYTES = "application/octet-stream"
"""The type of a file that is not declared as a picture."""
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/mpo": "image/jpeg",
    "image/x-png": "image/png",
    "image/apng": "image/png",
    "image/vnd.mozilla.apng": "image/png",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heif",
}

_MESSAGES = {
    "missing": "Missing: {field}.",
    "extra_forbidden": "Unknown: {name!a}.",
    "string_type": "{field} must be text.",
    "string_unicode": "{field} contains an invalid character.",
    "string_too_short": "{field} must not be empty.",
    "string_too_long": "{field} may have at most {max_length} characters.",
    "string_pattern_mismatch": "{field} must be a media type such as image/jpeg, or empty if unknown.",
    "int_type": "{field} must be a whole number.",
    "greater_than_equal": "{field} must be a whole number of at least {ge}: the file is empty.",
    "bool_type": "{field} must be true or false.",
    "list_type": "{field} must be a list.",
    "too_long": "{field} may have at most {max_length} items.",
    "model_type": "{field} must be an object.",
}
"""By type of pydantic's errors, https://pydantic.dev/docs/validation/latest/errors/validation_errors/."""

Model = TypeVar("Model", bound=BaseModel)


def read_page_query(arguments: Mapping[str, str]) -> PageQuery:
    """Read `limit`, `before` and `q` from a query string."""
    return _validate(PageQuery, dict(arguments))


def read_word_query(arguments: Mapping[str, str]) -> WordQuery:
    """Read `prefix` from a query string."""
    return _validate(WordQuery, dict(arguments))


def read_upload(request: Request) -> UploadRequest:
    """Read the description of a file to upload; its type becomes a known picture type or ANY_BYTES."""
    upload = _validate(UploadRequest, _read_json_object(request))
    if upload.bytes > MAX_BYTES:
        raise RequestEntityTooLarge(TOO_LARGE)
    declared = upload.content_type.partition(";")[0].strip(" \t").lower()
    content_type = _ALIASES.get(declared, declared)
    return upload.model_copy(update={"content_type": content_type if content_type in CONTENT_TYPES else ANY_BYTES})


def read_edit(request: Request) -> Edit:
    """Read a change of caption, alternative text or tags."""
    edit = _validate(Edit, _read_json_object(request))
    if not edit.changes:
        raise BadRequest("Send at least one of caption, alt_text and tags.")
    return edit


def read_edit_form(form: Mapping[str, str]) -> Edit:
    """Read the form of templates/edit.html; the edit has only the fields that the person changed."""
    new, seen = (
        {name: form.get(prefix + name, "").replace("\r\n", "\n").strip() for name in EDITABLE}
        for prefix in ("", "seen_")
    )
    changed = [name for name in EDITABLE if new[name] != seen[name]]
    return _validate(Edit, {**_values(new, changed), "seen": _values(seen, changed)})


def read_another_annotation(request: Request) -> AnotherAnnotation:
    """Read how to annotate a photo again."""
    return _validate(AnotherAnnotation, _read_json_object(request))


def read_annotated_selection(request: Request) -> AnnotatedSelection:
    """Read which photos to annotate again."""
    return _validate(AnnotatedSelection, _read_json_object(request))


def read_failed_selection(request: Request) -> FailedSelection:
    """Read which failed photos to process again."""
    return _validate(FailedSelection, _read_json_object(request))


def read_selection_form(form: Mapping[str, str], *, is_applied: bool) -> AnnotatedSelection:
    """Read the forms of templates/annotate.html; an unchecked box is absent."""
    values = {"where": form.get("where", "").strip(), "overwrite": "overwrite" in form, "apply": is_applied}
    return _validate(AnnotatedSelection, values)


def _values(fields: Mapping[str, str], names: list[str]) -> dict[str, Any]:
    return {
        name: [tag.strip() for tag in fields[name].split(",")] if name == "tags" else fields[name] for name in names
    }


def _read_json_object(request: Request) -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
    try:
        body = json.loads(request.get_data())
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from error
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def _validate(model: type[Model], values: dict[str, Any]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise BadRequest(_message(error.errors()[0])) from None


def _message(error: ErrorDetails) -> str:
    *parents, name = error["loc"] or ("a field name",)
    parent = ".".join(map(str, parents))
    field = f"item {name + 1} of {parent}" if isinstance(name, int) else f"{parent}.{name}".lstrip(".")
    template = _MESSAGES.get(error["type"])
    return template.format(field=field, name=name, **error.get("ctx", {})) if template else error["msg"]
