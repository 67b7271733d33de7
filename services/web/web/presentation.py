"""Shows photos in the JSON API and in templates, and formats times and sizes."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from flask import Flask, get_template_attribute
from markupsafe import Markup

from catalog.images import EDITABLE, Image
from catalog.pause import Cause, Pause
from catalog.search import QUOTES
from catalog.selection import OFFLINE_MODEL
from catalog.stats import Statistics, Usage
from web import schemas
from web.storage import Storage

STUCK_SECONDS = 60
_INDENTATION = re.compile(r">\n *<")
BROWSER_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"})
"""Content types that all current browsers support. For others, pages show the thumbnail."""

_WAIT = "Photos wait and are described when the site owner has fixed it."
PAUSES: dict[Cause, str] = {
    "key": f"Captions are paused: the API key was refused. {_WAIT}",
    "secret": f"Captions are paused: the API key could not be read. {_WAIT}",
    "service": f"Captions are paused: the Gemini API is not enabled for this gallery. {_WAIT}",
    "location": f"Captions are paused: the Gemini API is not available where this gallery runs. {_WAIT}",
    "credits": f"Captions are paused: the prepaid credit is used up. {_WAIT}",
    "quota": "Captions are paused: the quota of the Gemini API is used up. Photos wait and are described later.",
    "spend_cap": f"Captions are paused: the spending cap of the Gemini API is reached. {_WAIT}",
    "model": f"Captions are paused: the model is not available, or its price is unknown. {_WAIT}",
    "budget": "Captions are paused: this month's budget is spent. Photos wait and are described next month.",
    "daily_limit": "Captions are paused: today's limit is reached. Photos wait and are described tomorrow.",
}
"""Why there are no new captions, for visitors."""


def init_app(app: Flask) -> None:
    """Give templates the filters of this module and an empty photo, with the card that scripts copy and fill in."""
    app.jinja_env.globals["blank"] = schemas.Image()
    app.jinja_env.globals["blank_card"] = blank_card
    app.jinja_env.globals["waiting_text"] = waiting_text
    app.add_template_test(is_unrecognized, "unrecognized")
    for template_filter in (
        absolute_time,
        date,
        file_size,
        matches,
        model_label,
        number,
        tag_query,
        time_until,
        usd,
    ):
        app.add_template_filter(template_filter)


@cache
def blank_card() -> Markup:
    """Return the card without a photo."""
    return render_card(schemas.Image(), is_paused=False, is_stuck=False, has_placeholder=False)


def render_card(image: schemas.Image, *, is_paused: bool, is_stuck: bool, has_placeholder: bool) -> Markup:
    """Return the card of a photo. Captions are paused if `is_paused`."""
    card = get_template_attribute("photo.html", "card")(image, is_paused, is_stuck, has_placeholder)
    return Markup(_INDENTATION.sub("><", card))  # noqa: S704 - the template has escaped texts


def view(image: Image, storage: Storage) -> schemas.Image:
    """Return a photo as the API and the templates show it."""
    columns = {name: getattr(image, name) for name in image.__slots__}
    url = storage.thumbnail_url(image.id) if image.thumbnail_status == "ready" else None
    return schemas.Image(
        **columns,
        thumbnail=schemas.Thumbnail(**columns, url=url),
        annotation=schemas.Annotation(**columns, generated=_generated(image), queued=image.annotate_at is not None),
    )


def _generated(image: Image) -> schemas.Generated | None:
    texts = {name: getattr(image, f"generated_{name}") for name in EDITABLE}
    if all(text is None for text in texts.values()):
        return None
    return schemas.Generated(**texts | {"tags": None if texts["tags"] is None else list(texts["tags"])})


def view_pause(pause: Pause | None) -> schemas.Pause | None:
    """Return a pause as the API and the templates show it; the operator's detail is left out."""
    if pause is None:
        return None
    return schemas.Pause.model_validate(
        {"message": PAUSES[pause.cause]} | {name: getattr(pause, name) for name in ("cause", "since", "next_attempt")}
    )


def view_statistics(statistics: Statistics, pause: Pause | None) -> schemas.Statistics:
    """Return statistics as the API and the page show them."""
    return schemas.Statistics.model_validate(
        {name: getattr(statistics, name) for name in ("counted_at", "images", "thumbnails", "annotations", "queued")}
        | {
            "sources": [asdict(source) for source in statistics.sources],
            "total": _usage(statistics.total),
            "days": [{"day": day} | _usage(usage) for day, usage in statistics.days.items()],
            "months": [{"month": f"{month:%Y-%m}"} | _usage(usage) for month, usage in statistics.months.items()],
            "models": [{"model": model} | _usage(usage) for model, usage in statistics.models.items()],
            "outcomes": [asdict(requests) for requests in statistics.outcomes],
            "paused": view_pause(pause),
        }
    )


def _usage(usage: Usage) -> dict[str, Any]:
    return {name: getattr(usage, name) for name in schemas.Usage.model_fields}


def is_stuck(image: Image) -> bool:
    """Tell whether a photo has been pending so long that a person may want to retry it; not while it is queued."""
    if "pending" not in (image.thumbnail_status, image.annotation_status) or image.annotate_at is not None:
        return False
    return (datetime.now(UTC) - image.uploaded_at).total_seconds() > STUCK_SECONDS


def is_unrecognized(annotation: schemas.Annotation) -> bool:
    """Tell whether the caption only describes colours, so that it is no headline."""
    return bool(annotation.caption) and not annotation.recognized and not annotation.caption_edited


def matches(found: schemas.SearchResult) -> str:
    """Return how many photos match, as the beginning of a sentence that ends with the search: `12 photos match`."""
    if found.count is None:
        return "Older photos that match"
    if not found.count:
        return "So far no photo matches" if found.is_partial else "No photo matches"
    counted = f"{number(found.count)} photo{' matches' if found.count == 1 else 's match'}"
    if found.has_more:
        return f"More than {counted}"
    return f"At least {counted}" if found.is_partial else counted


# static/format.js has the same functions, for updates of open pages. Only scripts show how long ago something was.

_WITHOUT_QUOTES = str.maketrans(dict.fromkeys(QUOTES, " "))


def tag_query(tag: str) -> str:
    """Return the search for the photos that have a tag. Quotation marks, which would end a phrase, are dropped."""
    plain = " ".join(tag.translate(_WITHOUT_QUOTES).split())
    return f'tag:"{plain}"' if " " in plain else f"tag:{plain}"


def waiting_text(annotation: schemas.Annotation, is_paused: bool) -> str:
    """Return what a photo that waits for texts waits for; empty if it does not wait."""
    if annotation.status != "pending" and annotation.reannotation is None:
        return ""
    if is_paused:
        return "Waiting: captions are paused"
    if annotation.reannotation is not None:
        return "Waiting for another caption"
    if annotation.queued:
        return "Waiting in the queue"
    return "Generating the other texts…" if annotation.caption_edited else "Generating caption…"


def model_label(model: str | None) -> str:
    """Return the name of the model that wrote an annotation, or of the offline tagger."""
    return "offline tagger" if model == OFFLINE_MODEL else model or ""


def file_size(count: int) -> str:
    """Format a number of bytes: 980 B, 4.2 MB."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit != "B" and size < 9.95 else f"{size:.0f} {unit}"


def time_until(timestamp: str, now: datetime | None = None) -> str:
    """Return in how many minutes an RFC 3339 time is."""
    seconds = (datetime.fromisoformat(timestamp) - (now or datetime.now(UTC))).total_seconds()
    minutes = math.ceil(seconds / 60)
    return "now" if minutes <= 0 else f"in {minutes} minute{'' if minutes == 1 else 's'}"


def number(count: int) -> str:
    """Format a number with a comma between thousands."""
    return f"{count:,}"


def usd(amount: str) -> str:
    """Format US dollars for people: $12.30, $0.000615. Less than ten cents are not rounded to nothing."""
    dollars = Decimal(amount)
    return f"${dollars:,.2f}" if not dollars or dollars >= Decimal("0.1") else f"${dollars.normalize():f}"


def date(timestamp: str) -> str:
    """Format the day of an RFC 3339 time for people, in UTC."""
    then = datetime.fromisoformat(timestamp)
    return f"{then.day} {then:%B %Y}"


def absolute_time(timestamp: str) -> str:
    """Format an RFC 3339 time for people, in UTC."""
    then = datetime.fromisoformat(timestamp)
    return f"{then.day} {then:%B %Y, %H:%M} UTC"
