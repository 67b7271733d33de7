"""The SQL statements on the table `image`, except those of leases, repeated errors, the queue
and the sweep.

Events may arrive twice, late and in any order, so each statement is idempotent. A result is written only if the row
still describes the same object (`etag`) and is not deleted.

A generated text never replaces a person's, unless `reannotation` says `overwrite`: it is kept in `generated_caption`,
`generated_alt_text` or `generated_tags` beside it, and people can restore it. `caption_edited`, `alt_text_edited` and
`tags_edited` tell which texts a person wrote. `edited` is true if one of them is; a release before 0.5.0 set only
`edited`, for all three.

A photo waits for an annotation if it is pending, or if `reannotation` asks for another one. In the latter case it
keeps its texts until the new ones are there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from pymysql.connections import Connection

from catalog.statements import first_row, update
from catalog.transaction import atomic
from catalog.uploads import Upload
from catalog.word_index import index, indexed

Status = Literal["pending", "ready", "failed"]
Part = Literal["thumbnail", "annotation"]
"""The result of one of the two functions."""
Reannotation = Literal["keep", "overwrite"]
"""What another annotation does with a person's text."""
EDITABLE = ("caption", "alt_text", "tags")
"""The texts of a photo, which functions generate and people edit."""

MAX_TEXT_CHARACTERS = 2000
MAX_REASON_CHARACTERS = 500
MAX_ERRORS = 3
"""How many times in a row the same error may occur before the part is recorded as failed."""


@dataclass(frozen=True, slots=True)
class Image:
    """A row of the catalog. Times are timezone-aware, in UTC.

    `annotate_at` is when the queue announces the photo, see `catalog.queue`; None if it is not in the queue.
    """

    id: str
    filename: str
    content_type: str
    bytes: int
    etag: str
    uploaded_at: datetime
    thumbnail_status: Status
    thumbnail_reason: str | None
    width: int | None
    height: int | None
    placeholder: str | None
    annotation_status: Status
    annotation_reason: str | None
    caption: str | None
    alt_text: str | None
    tags: tuple[str, ...]
    language: str | None
    model: str | None
    prompt_version: str | None
    input_tokens: int | None
    output_tokens: int | None
    recognized: bool
    edited: bool
    caption_edited: bool
    alt_text_edited: bool
    tags_edited: bool
    generated_caption: str | None
    generated_alt_text: str | None
    generated_tags: tuple[str, ...] | None
    unusable_answers: int
    reannotation: Reannotation | None
    annotate_at: datetime | None

    def __hash__(self) -> int:
        """Return the hash of the id: a hash of all fields takes ten times as long."""
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """Results of the thumbnail function: pixels of the upright original, its real type, a tiny preview."""

    width: int
    height: int
    content_type: str
    placeholder: str
    """A data: URI of a few hundred bytes."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A description of a photo and its origin. The offline tagger has no prompt and no tokens.

    `recognized` is false if the texts only state colours, light and kind of image.
    """

    caption: str
    alt_text: str
    tags: tuple[str, ...]
    language: str
    model: str
    prompt_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    recognized: bool = True


COLUMNS = ", ".join(field.name for field in fields(Image))
"""What `read_row` reads, for a SELECT."""
_SELECT = f"SELECT {COLUMNS} FROM image"
CURRENT = "id = %(id)s AND etag = %(etag)s AND deleted_at IS NULL"
"""The condition that a row still describes an object and is not deleted."""
WAITS = "(annotation_status = 'pending' OR reannotation IS NOT NULL)"
"""The condition that a photo waits for an annotation."""
# Assignments run from left to right and use new values. All three flags are equal: a person wrote all texts.
_ALL_EDITED = "edited AND caption_edited = alt_text_edited AND alt_text_edited = tags_edited"


def register(connection: Connection[Any], upload: Upload, *, is_settled: bool = False) -> Image | None:
    """Insert a row for a photo if it has none, and return its row; None if the photo was deleted.

    A newer object under the same key resets the row to pending. S3 timestamps have a resolution of one second. Of two
    objects from the same second, the row keeps one that is annotated or leased, because annotations cost money, unless
    the other one `is_settled`: it has been in the bucket long enough to be the last version.
    """
    values = asdict(upload) | {
        # Without microseconds: MySQL would round them to seconds, and MariaDB would truncate them.
        "uploaded_at": upload.uploaded_at.astimezone(UTC).replace(microsecond=0, tzinfo=None),
        "is_settled": is_settled,
    }
    with atomic(connection), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO image (id, filename, content_type, bytes, etag, uploaded_at)
               VALUES (%(id)s, %(filename)s, %(content_type)s, %(bytes)s, %(etag)s, %(uploaded_at)s)
               ON DUPLICATE KEY UPDATE id = id""",
            values,
        )
        cursor.execute(
            f"""UPDATE image SET filename = %(filename)s, content_type = %(content_type)s, bytes = %(bytes)s,
                 etag = %(etag)s, uploaded_at = %(uploaded_at)s,
                 thumbnail_status = 'pending', thumbnail_reason = NULL, width = NULL, height = NULL,
                 placeholder = NULL, annotation_status = IF({_ALL_EDITED}, annotation_status, 'pending'),
                 annotation_reason = NULL, claimed_until = NULL, pending_since = NULL, resent = 0, resent_at = NULL,
                 thumbnail_errors = 0, annotation_errors = 0, unusable_answers = 0,
                 reannotation = NULL, annotate_at = NULL,
                 generated_caption = NULL, generated_alt_text = NULL, generated_tags = NULL
               WHERE id = %(id)s AND etag <> %(etag)s AND deleted_at IS NULL
                 AND (uploaded_at < %(uploaded_at)s OR uploaded_at = %(uploaded_at)s
                   AND (%(is_settled)s OR annotation_status <> 'ready' AND claimed_until IS NULL))""",
            values,
        )
        index(connection, upload.id)
    return get(connection, upload.id)


def get(connection: Connection[Any], image_id: str, *, lock: bool = False) -> Image | None:
    """Return an image, None if it is missing or deleted. `lock` locks the row until the transaction ends."""
    row = first_row(
        connection, f"{_SELECT} WHERE id = %s AND deleted_at IS NULL{' FOR UPDATE' if lock else ''}", image_id
    )
    return None if row is None else read_row(row)


def of_ids(connection: Connection[Any], ids: Sequence[str]) -> list[Image]:
    """Return the images that have these ids, newest first."""
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"{_SELECT} WHERE id IN %s AND deleted_at IS NULL ORDER BY id DESC", (ids,))
        return [read_row(row) for row in cursor.fetchall()]


def thumbnail_ready(connection: Connection[Any], image_id: str, etag: str, thumbnail: Thumbnail) -> bool:
    """Record a stored thumbnail; False if the photo was deleted or replaced meanwhile."""
    return update(
        connection,
        f"""UPDATE image SET thumbnail_status = 'ready', thumbnail_reason = NULL, width = %(width)s,
              height = %(height)s, content_type = %(content_type)s, placeholder = %(placeholder)s
            WHERE {CURRENT}""",
        id=image_id,
        etag=etag,
        **asdict(thumbnail),
    )


def thumbnail_failed(connection: Connection[Any], image_id: str, etag: str, reason: str) -> bool:
    """Record that the thumbnail failed, with a reason for users."""
    return update(
        connection,
        f"""UPDATE image SET thumbnail_status = 'failed', thumbnail_reason = %(reason)s
            WHERE {CURRENT} AND thumbnail_status <> 'ready'""",
        id=image_id,
        etag=etag,
        reason=reason[:MAX_REASON_CHARACTERS],
    )


@indexed
def annotation_ready(connection: Connection[Any], image_id: str, etag: str, annotation: Annotation) -> bool:
    """Record an annotation; False if the photo was deleted, replaced, annotated or completely edited meanwhile.

    The first annotation stays. It is accepted without a lease and after a failure, because it has been paid for.
    """
    _set_flags_of_old_edit(connection, image_id)
    texts = "".join(
        f"""generated_{name} = IF({name}_edited AND NOT reannotation <=> 'overwrite', %({name})s, NULL),
            {name} = IF(generated_{name} IS NULL, %({name})s, {name}), {name}_edited = generated_{name} IS NOT NULL,
         """
        for name in EDITABLE
    )
    return update(
        connection,
        f"""UPDATE image SET {texts}
              edited = caption_edited OR alt_text_edited OR tags_edited,
              language = %(language)s, model = %(model)s, prompt_version = %(prompt_version)s,
              input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s, recognized = %(recognized)s,
              annotation_status = 'ready', annotation_reason = NULL, claimed_until = NULL, annotate_at = NULL,
              reannotated_at = IF(reannotation IS NULL, reannotated_at, NOW()), reannotation = NULL
            WHERE {CURRENT} AND (annotation_status <> 'ready' OR reannotation IS NOT NULL)""",
        id=image_id,
        etag=etag,
        **asdict(annotation)
        | {
            "caption": annotation.caption[:MAX_TEXT_CHARACTERS],
            "alt_text": annotation.alt_text[:MAX_TEXT_CHARACTERS],
            "tags": _tags_column(annotation.tags),
        },
    )


def annotation_failed(
    connection: Connection[Any], image_id: str, etag: str, reason: str, lease: datetime | None = None
) -> bool:
    """Record that the annotation failed, with a reason for users. A photo with a caption keeps it and stays ready.

    `lease` is the end of the lease of the delivery that failed. If another delivery now holds a lease, the failure is
    dropped in favor of that delivery's result.
    """
    return update(
        connection,
        f"""UPDATE image SET
              annotation_status = IF(caption_edited OR annotation_status = 'ready', 'ready', 'failed'),
              annotation_reason = %(reason)s, claimed_until = NULL, annotate_at = NULL,
              reannotated_at = IF(reannotation IS NULL, reannotated_at, NOW()), reannotation = NULL
            WHERE {CURRENT} AND {WAITS} AND (%(lease)s IS NULL OR claimed_until = %(lease)s)""",
        id=image_id,
        etag=etag,
        reason=reason[:MAX_REASON_CHARACTERS],
        lease=lease,
    )


@indexed
def edit(
    connection: Connection[Any],
    image_id: str,
    *,
    caption: str | None = None,
    alt_text: str | None = None,
    tags: Sequence[str] | None = None,
) -> bool:
    """Write a person's text; None leaves a field unchanged. The generated text that it replaces is kept.

    A pending photo stays pending until each text is there; a failed one is ready when it has a caption.
    """
    _set_flags_of_old_edit(connection, image_id)
    values = {"caption": caption, "alt_text": alt_text, "tags": None if tags is None else _tags_column(tags)}
    changed = {name: value for name, value in values.items() if value is not None}
    texts = "".join(
        f"""generated_{name} = IF({name}_edited, generated_{name}, {name}), {name} = %({name})s,
            {name}_edited = TRUE, """
        for name in changed
    )
    return update(
        connection,
        f"""UPDATE image SET {texts} edited = edited OR %(is_changed)s,
             annotation_status = IF({_ALL_EDITED} OR annotation_status = 'failed' AND caption IS NOT NULL,
               'ready', annotation_status),
             annotation_reason = IF(annotation_status = 'ready', NULL, annotation_reason),
             claimed_until = IF({WAITS}, claimed_until, NULL), annotate_at = IF({WAITS}, annotate_at, NULL)
           WHERE id = %(id)s AND deleted_at IS NULL""",
        id=image_id,
        is_changed=bool(changed),
        **changed,
    )


@indexed
def restore(connection: Connection[Any], image_id: str) -> bool:
    """Replace a person's texts by the generated ones, where there are any; False if the photo does not exist."""
    _set_flags_of_old_edit(connection, image_id)
    texts = "".join(
        f"""{name} = COALESCE(generated_{name}, {name}), {name}_edited = {name}_edited AND generated_{name} IS NULL,
            generated_{name} = NULL, """
        for name in EDITABLE
    )
    return update(
        connection,
        f"""UPDATE image SET {texts} edited = caption_edited OR alt_text_edited OR tags_edited
            WHERE id = %(id)s AND deleted_at IS NULL""",
        id=image_id,
    )


def _set_flags_of_old_edit(connection: Connection[Any], image_id: str) -> None:
    """Set the flags of a row that a release before 0.5.0 edited: any text may be a person's."""
    update(
        connection,
        """UPDATE image SET caption_edited = caption IS NOT NULL, alt_text_edited = alt_text IS NOT NULL,
             tags_edited = tags IS NOT NULL
           WHERE id = %(id)s AND edited AND NOT (caption_edited OR alt_text_edited OR tags_edited)""",
        id=image_id,
    )


def retry(connection: Connection[Any], image_id: str) -> bool:
    """Reset failed parts to pending, and the sweep's count of retries; False if the image does not exist.

    A part that failed because of a repeated error gets one more try: the same error fails it immediately.
    """
    return update(
        connection,
        # Assignments run from left to right and use new values: pending_since must come first.
        """UPDATE image SET
             pending_since = IF(thumbnail_status = 'failed' OR annotation_status = 'failed', NOW(), pending_since),
             resent = 0, resent_at = NULL,
             thumbnail_errors = LEAST(thumbnail_errors, %(errors)s),
             annotation_errors = LEAST(annotation_errors, %(errors)s),
             thumbnail_status = IF(thumbnail_status = 'failed', 'pending', thumbnail_status), thumbnail_reason = NULL,
             annotation_status = IF(annotation_status = 'failed', 'pending', annotation_status),
             annotation_reason = NULL, annotate_at = NULL
           WHERE id = %(id)s AND deleted_at IS NULL""",
        id=image_id,
        errors=MAX_ERRORS - 1,
    )


@indexed
def delete(connection: Connection[Any], image_id: str) -> bool:
    """Delete a photo; False if it does not exist. The id stays, so that a late event cannot restore the photo."""
    return update(
        connection,
        """UPDATE image SET deleted_at = NOW(), filename = '', placeholder = NULL, caption = NULL, alt_text = NULL,
             tags = NULL, generated_caption = NULL, generated_alt_text = NULL, generated_tags = NULL,
             reannotation = NULL, annotate_at = NULL
           WHERE id = %(id)s AND deleted_at IS NULL""",
        id=image_id,
    )


def _tags_column(tags: Sequence[str]) -> str:
    return json.dumps(list(tags), ensure_ascii=False)


def read_row(row: Sequence[Any]) -> Image:
    """Return the image in a row of the COLUMNS."""
    values = dict(zip(Image.__slots__, row, strict=True))
    for name in ("uploaded_at", "annotate_at"):
        values[name] = values[name] and values[name].replace(tzinfo=UTC)
    values["tags"] = tuple(json.loads(values["tags"] or "[]"))
    values["generated_tags"] = values["generated_tags"] and tuple(json.loads(values["generated_tags"]))
    for name in ("recognized", "edited", "caption_edited", "alt_text_edited", "tags_edited"):
        values[name] = bool(values[name])
    return Image(**values)
