"""How a photo is shown: the same shape for the JSON API and for the templates, and words for times and sizes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

from flask import Flask

from catalog.images import Image, Status
from web.storage import Storage

OFFLINE_TAGGER = "offline-tagger"
STUCK_SECONDS = 60
BROWSER_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"})
"""Content types that every current browser shows by itself; the others are shown by their thumbnail."""


class ThumbnailView(TypedDict):
    """State of the thumbnail; `url` only when it is ready."""

    status: Status
    reason: str | None
    url: str | None
    placeholder: str | None


class AnnotationView(TypedDict):
    """State of the words, and where they come from."""

    status: Status
    reason: str | None
    caption: str | None
    alt_text: str | None
    tags: list[str]
    language: str | None
    model: str | None
    prompt_version: str | None
    input_tokens: int | None
    output_tokens: int | None
    edited: bool


class ImageView(TypedDict):
    """A photo as the API answers it; `uploaded_at` is RFC 3339 in UTC."""

    id: str
    filename: str
    content_type: str
    bytes: int
    width: int | None
    height: int | None
    uploaded_at: str
    thumbnail: ThumbnailView
    annotation: AnnotationView


def register(app: Flask) -> None:
    """Let templates of an application use the words of this module."""
    app.jinja_env.globals["blank"] = BLANK
    app.add_template_test(is_stuck, "stuck")
    for words in (absolute_time, file_size, model_label, relative_time):
        app.add_template_filter(words)


def view(image: Image, storage: Storage) -> ImageView:
    """Return what people may see of a photo."""
    ready = image.thumbnail_status == "ready"
    return {
        "id": image.id,
        "filename": image.filename,
        "content_type": image.content_type,
        "bytes": image.bytes,
        "width": image.width,
        "height": image.height,
        "uploaded_at": image.uploaded_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "thumbnail": {
            "status": image.thumbnail_status,
            "reason": image.thumbnail_reason,
            "url": storage.thumbnail_url(image.id) if ready else None,
            "placeholder": image.placeholder,
        },
        "annotation": {
            "status": image.annotation_status,
            "reason": image.annotation_reason,
            "caption": image.caption,
            "alt_text": image.alt_text,
            "tags": list(image.tags),
            "language": image.language,
            "model": image.model,
            "prompt_version": image.prompt_version,
            "input_tokens": image.input_tokens,
            "output_tokens": image.output_tokens,
            "edited": image.edited,
        },
    }


BLANK: ImageView = {
    "id": "",
    "filename": "",
    "content_type": "",
    "bytes": 0,
    "width": None,
    "height": None,
    "uploaded_at": "1970-01-01T00:00:00Z",
    "thumbnail": {"status": "pending", "reason": None, "url": None, "placeholder": None},
    "annotation": {
        "status": "pending",
        "reason": None,
        "caption": None,
        "alt_text": None,
        "tags": [],
        "language": None,
        "model": None,
        "prompt_version": None,
        "input_tokens": None,
        "output_tokens": None,
        "edited": False,
    },
}
"""A card without a photo, which scripts copy and fill in."""


def is_stuck(image: ImageView) -> bool:
    """Tell whether a photo has been pending for so long that a person may want to start it again."""
    pending = "pending" in (image["thumbnail"]["status"], image["annotation"]["status"])
    age = datetime.now(UTC) - datetime.fromisoformat(image["uploaded_at"])
    return pending and age.total_seconds() > STUCK_SECONDS


# The filters below have twins in static/words.js, which speak for what changes while a page is open.


def model_label(model: str | None) -> str:
    """Name who wrote the words: a model, or the tagger that runs without a network."""
    return "offline tagger" if model == OFFLINE_TAGGER else model or ""


def file_size(count: int) -> str:
    """Return a number of bytes in words: 980 B, 4.2 MB."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit != "B" and size < 9.95 else f"{size:.0f} {unit}"


def relative_time(timestamp: str, now: datetime | None = None) -> str:
    """Return how long ago an RFC 3339 time was, in words; a date when it was more than a month ago."""
    then = datetime.fromisoformat(timestamp)
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    if seconds < 45:
        return "just now"
    for unit, length, limit in (("minute", 60, 3600), ("hour", 3600, 86_400), ("day", 86_400, 30 * 86_400)):
        if seconds < limit:
            count = max(1, int(seconds / length))
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return f"{then.day} {then:%B %Y}"


def absolute_time(timestamp: str) -> str:
    """Return an RFC 3339 time as people write it, in UTC."""
    then = datetime.fromisoformat(timestamp)
    return f"{then.day} {then:%B %Y, %H:%M} UTC"
