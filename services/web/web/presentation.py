"""Shows photos in the JSON API and in templates, and formats times and sizes."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask

from catalog.images import Image
from web import schemas
from web.storage import Storage

OFFLINE_TAGGER = "offline-tagger"
STUCK_SECONDS = 60
BROWSER_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"})
"""Content types that all current browsers support. For others, pages show the thumbnail."""


def init_app(app: Flask) -> None:
    """Give templates the filters of this module and an empty photo, the card that scripts copy and fill in."""
    app.jinja_env.globals["blank"] = schemas.Image()
    app.add_template_test(is_stuck, "stuck")
    for template_filter in (absolute_time, file_size, model_label, relative_time):
        app.add_template_filter(template_filter)


def view(image: Image, storage: Storage) -> schemas.Image:
    """Return a photo as the API and the templates show it."""
    columns = {name: getattr(image, name) for name in image.__slots__}
    url = storage.thumbnail_url(image.id) if image.thumbnail_status == "ready" else None
    return schemas.Image(
        **columns,
        thumbnail=schemas.Thumbnail(**columns, url=url),
        annotation=schemas.Annotation(**columns),
    )


def is_stuck(image: schemas.Image) -> bool:
    """Tell whether a photo has been pending for so long that a person may want to retry it."""
    pending = "pending" in (image.thumbnail.status, image.annotation.status)
    age = datetime.now(UTC) - datetime.fromisoformat(image.uploaded_at)
    return pending and age.total_seconds() > STUCK_SECONDS


# static/format.js has the same functions, for updates of open pages.


def model_label(model: str | None) -> str:
    """Return the name of the model that wrote an annotation, or of the offline tagger."""
    return "offline tagger" if model == OFFLINE_TAGGER else model or ""


def file_size(count: int) -> str:
    """Format a number of bytes: 980 B, 4.2 MB."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit != "B" and size < 9.95 else f"{size:.0f} {unit}"


def relative_time(timestamp: str, now: datetime | None = None) -> str:
    """Return how long ago an RFC 3339 time was; the date if it was more than a month ago."""
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
    """Format an RFC 3339 time for people, in UTC."""
    then = datetime.fromisoformat(timestamp)
    return f"{then.day} {then:%B %Y, %H:%M} UTC"
