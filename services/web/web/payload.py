"""Reads what clients send: query strings and JSON bodies, checked field by field.

Everything here raises an HTTP error of werkzeug's whose description tells a person what to change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from catalog.images import MAX_TEXT_CHARACTERS
from catalog.keys import is_id
from catalog.limits import CONTENT_TYPES, MAX_BYTES, TOO_LARGE
from catalog.search import Search
from catalog.search import parse as search_for

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
MAX_QUERY_CHARACTERS = 200
MAX_SENT_FILENAME_CHARACTERS = 1000
MAX_CONTENT_TYPE_CHARACTERS = 100
MAX_TAGS = 30
MAX_TAG_CHARACTERS = 50
FIELDS = frozenset({"caption", "alt_text", "tags"})
"""What a person may write about a photo."""

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
# A type of two tokens, and parameters, which nobody needs here. https://www.rfc-editor.org/rfc/rfc9110#name-media-type
_MEDIA_TYPE = re.compile(
    r"[ \t]*([\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+)[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?", re.ASCII
)


@dataclass(frozen=True)
class PageRequest:
    """Which photos are asked for: up to `limit` older than the one with the id `before`, that match `search`.

    `query` is what somebody searched for; where it is empty, `search` is None.
    """

    limit: int
    before: str | None
    query: str
    search: Search | None


@dataclass(frozen=True)
class UploadRequest:
    """A file that somebody wants to upload, as they describe it; `content_type` is a known one or ANY_BYTES."""

    filename: str
    content_type: str


@dataclass(frozen=True)
class Words:
    """Words about a photo; None is a field that nothing is said about."""

    caption: str | None = None
    alt_text: str | None = None
    tags: list[str] | None = None


@dataclass(frozen=True)
class Edit:
    """Words that a person writes, and what they saw in these fields before; None when they do not tell."""

    words: Words
    seen: Words | None


def read_page_request(arguments: Mapping[str, str]) -> PageRequest:
    """Read `limit`, `before` and `q` from a query string; a longer `q`, such as a pasted caption, is cut."""
    limit = arguments.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= MAX_LIMIT:
        raise BadRequest(f"limit must be a whole number from 1 to {MAX_LIMIT}.")
    before = arguments.get("before")
    if before is not None and not is_id(before):
        raise BadRequest("before must be the id of a photo.")
    query = arguments.get("q", "").strip()[:MAX_QUERY_CHARACTERS]
    search = search_for(query) if query else None
    if search and not search.words:
        raise BadRequest("There is no word to search for: type letters or digits.")
    return PageRequest(int(limit), before, query, search)


def read_upload(request: Request) -> UploadRequest:
    """Read the description of a file to upload."""
    body = _json_object(request, required={"filename", "content_type", "bytes"})
    filename = _text(body, "filename", MAX_SENT_FILENAME_CHARACTERS)
    if not filename:
        raise BadRequest("filename must not be empty.")
    size = body["bytes"]
    if isinstance(size, float) and size.is_integer():  # JSON has one kind of number
        size = int(size)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise BadRequest("bytes must be a whole number: the size of the file.")
    if size == 0:
        raise BadRequest("The file is empty.")
    if size > MAX_BYTES:
        raise RequestEntityTooLarge(TOO_LARGE)
    return UploadRequest(filename, _content_type(_text(body, "content_type", MAX_CONTENT_TYPE_CHARACTERS)))


def _content_type(declared: str) -> str:
    """Return the known type that a media type stands for, or ANY_BYTES: the content of the file decides later."""
    if not declared.strip(" \t"):
        return ANY_BYTES
    match = _MEDIA_TYPE.fullmatch(declared)
    if match is None:
        raise BadRequest("content_type must be a media type such as image/jpeg, or empty when it is not known.")
    content_type = match[1].lower()
    content_type = _ALIASES.get(content_type, content_type)
    return content_type if content_type in CONTENT_TYPES else ANY_BYTES


def read_edit(request: Request) -> Edit:
    """Read a change of caption, alternative text or tags; surrounding blanks, empty and repeated tags are dropped."""
    body = _json_object(request, optional={*FIELDS, "seen"})
    if not body.keys() & FIELDS:
        raise BadRequest("Send at least one of caption, alt_text and tags.")
    seen = body.pop("seen", None)
    return Edit(_words(body), None if seen is None else _seen(seen))


def read_edit_form(form: Mapping[str, str]) -> Edit:
    """Read what the form of templates/edit.html sends, less the fields that the person left as they were."""
    written = {name: form.get(name, "").replace("\r\n", "\n").strip() for name in FIELDS}
    before = {name: form.get(f"seen_{name}", "").replace("\r\n", "\n").strip() for name in FIELDS}
    changed = {name: text for name, text in written.items() if text != before[name]}
    return Edit(_words(_split_tags(changed)), _seen(_split_tags({name: before[name] for name in changed})))


def _split_tags(fields: dict[str, str]) -> dict[str, Any]:
    return {name: re.split(r"\s*,\s*", text) if name == "tags" else text for name, text in fields.items()}


def _words(body: Mapping[str, Any]) -> Words:
    return Words(
        caption=_text(body, "caption", MAX_TEXT_CHARACTERS).strip() if "caption" in body else None,
        alt_text=_text(body, "alt_text", MAX_TEXT_CHARACTERS).strip() if "alt_text" in body else None,
        tags=_tags(body["tags"]) if "tags" in body else None,
    )


def _seen(body: object) -> Words:
    """Read what somebody saw; the functions, who may have written it, have limits of their own."""
    if not isinstance(body, dict):
        raise BadRequest("seen must be an object.")
    _refuse_unknown(body, FIELDS)
    for name in ("caption", "alt_text"):
        if not isinstance(body.get(name), str | None):
            raise BadRequest(f"seen.{name} must be text or null.")
    tags = body.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise BadRequest("seen.tags must be a list of texts.")
    return Words(
        caption=(body["caption"] or "") if "caption" in body else None,
        alt_text=(body["alt_text"] or "") if "alt_text" in body else None,
        tags=[tag.strip() for tag in tags if tag.strip()] if "tags" in body else None,
    )


def _json_object(request: Request, required: Collection[str] = (), optional: Collection[str] = ()) -> dict[str, Any]:
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
    if missing := sorted(set(required) - body.keys()):
        raise BadRequest(f"Missing: {', '.join(missing)}.")
    _refuse_unknown(body, {*required, *optional})
    return body


def _refuse_unknown(body: Mapping[str, Any], known: Collection[str]) -> None:
    if unknown := sorted(body.keys() - set(known)):
        raise BadRequest(f"Unknown: {', '.join(map(ascii, unknown))}.")


def _text(body: Mapping[str, Any], name: str, max_characters: int) -> str:
    return _checked_text(body[name], name, max_characters)


def _checked_text(value: object, name: str, max_characters: int) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be text.")
    if len(value) > max_characters:
        raise BadRequest(f"{name} may have at most {max_characters} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can spell half a character, "\ud800"
        raise BadRequest(f"{name} holds a broken character.") from None
    return value


def _tags(value: object) -> list[str]:
    if not isinstance(value, list):
        raise BadRequest("tags must be a list of texts.")
    if len(value) > MAX_TAGS:
        raise BadRequest(f"At most {MAX_TAGS} tags are accepted.")
    tags: dict[str, str] = {}
    for item in value:
        tag = " ".join(_checked_text(item, "each tag", MAX_TAG_CHARACTERS).split())
        if tag:
            tags.setdefault(tag.casefold(), tag)
    return list(tags.values())
