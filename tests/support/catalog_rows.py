"""Uploads and results for tests of the catalog, and the rows made of them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from catalog import images, leases, pause
from catalog.database import Database
from catalog.images import Annotation, Image, Thumbnail
from catalog.keys import new_id
from catalog.listing import RowCache
from catalog.uploads import Upload

THUMBNAIL = Thumbnail(width=4000, height=3000, content_type="image/png", placeholder="data:image/webp;base64,AA==")
ANNOTATION = Annotation(
    caption="A red kite over a beach.",
    alt_text="A red kite with a long tail",
    tags=("kite", "beach"),
    language="en",
    model="gemini",
    prompt_version="1",
    input_tokens=1100,
    output_tokens=30,
)


def empty(connection: Any) -> None:
    """Remove all photos and requests, and end the pause."""
    with connection.cursor() as cursor:
        for table in ("image", "image_word", "word", "word_change", "annotation_request"):
            cursor.execute(f"DELETE FROM {table}")
    pause.end(connection)


def all_photos(connection: Any) -> list[Image]:
    """Return all photos that exist, newest first."""
    with connection.cursor() as cursor:
        return RowCache().newest(cursor, 1000)


def an_upload(**changes: Any) -> Upload:
    """Return an upload of this moment, with a new id."""
    upload = Upload(new_id(), "kite.jpg", "image/jpeg", 1234, "e1", datetime.now(UTC).replace(microsecond=0))
    return replace(upload, **changes)


def row(catalog: Any, image_id: str) -> Image:
    """Return the row of an image, from a `Database` or a connection; the row must exist."""
    if isinstance(catalog, Database):
        with catalog.connection() as connection:
            return row(connection, image_id)
    image = images.get(catalog, image_id)
    assert image is not None
    return image


def registered(connection: Any, upload: Upload, *, is_settled: bool = False) -> Image:
    """Register an upload and return its row; the photo must not be deleted."""
    image = images.register(connection, upload, is_settled=is_settled)
    assert image is not None
    return image


def leased(connection: Any, upload: Upload, seconds: float = 60) -> datetime | None:
    """Acquire a lease and return its end; None if another delivery holds one."""
    end = leases.end(connection, seconds)
    return end if leases.acquire(connection, upload.id, upload.etag, end) else None


def finish(connection: Any, upload: Upload) -> bool:
    """Record both results of an upload; tell whether both were accepted."""
    thumbnail = images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    return images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION) and thumbnail


def fail(connection: Any, upload: Upload, reason: str = "Not an image.") -> bool:
    """Record the failure of both functions; tell whether one was accepted."""
    thumbnail = images.thumbnail_failed(connection, upload.id, upload.etag, reason)
    return images.annotation_failed(connection, upload.id, upload.etag, reason) or thumbnail
