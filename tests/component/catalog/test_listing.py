"""Pages of photos, with rows that are kept in memory."""

from dataclasses import fields
from typing import Any

import pytest

from catalog import images
from catalog.images import Image
from catalog.keys import new_id
from catalog.listing import RowCache
from support.catalog_rows import an_upload, finish, registered, row


@pytest.fixture
def cursor(connection: Any) -> Any:
    return connection.cursor()


def add(connection: Any, count: int = 1) -> list[str]:
    """Add photos that are ready, and return their ids, newest first."""
    uploads = [an_upload() for _ in range(count)]
    for upload in uploads:
        registered(connection, upload)
        finish(connection, upload)
    return sorted((upload.id for upload in uploads), reverse=True)


def test_a_page_has_the_newest_photos_before_another_one(connection: Any, cursor: Any) -> None:
    newest_first = add(connection, 5)
    cache = RowCache()
    for _ in ("from the server", "from memory"):
        first = cache.newest(cursor, 3)
        second = cache.newest(cursor, 3, before=first[-1].id)
        assert [image.id for image in first + second] == newest_first
        assert first + second == [row(connection, image_id) for image_id in newest_first]


def test_a_row_that_has_not_changed_comes_from_memory(connection: Any, cursor: Any) -> None:
    same, changed = add(connection, 2)
    cache = RowCache()
    before = cache.newest(cursor, 2)
    images.edit(connection, changed, caption="New")
    after = cache.newest(cursor, 2)
    assert after[0] is before[0]
    assert (after[0].id, after[1].caption) == (same, "New")


VALUES = {
    "filename": "'other.jpg'",
    "bytes": "77",
    "uploaded_at": "'2026-01-02 03:04:05'",
    "annotate_at": "'2026-01-02 03:04:05.678'",
    "tags": """'["other"]'""",
    "generated_tags": """'["other"]'""",
}
NUMBERS = ("width", "height", "input_tokens", "output_tokens", "unusable_answers")
FLAGS = ("recognized", "edited", "caption_edited", "alt_text_edited", "tags_edited")


@pytest.mark.parametrize("column", [field.name for field in fields(Image) if field.name != "id"])
def test_a_change_of_any_column_is_seen(connection: Any, cursor: Any, column: str) -> None:
    (image_id,) = add(connection)
    cache = RowCache()
    (before,) = cache.newest(cursor, 1)
    value = VALUES.get(column) or ("77" if column in NUMBERS else f"NOT {column}" if column in FLAGS else "'other'")
    cursor.execute(f"UPDATE image SET {column} = {value} WHERE id = %s", (image_id,))
    (after,) = cache.newest(cursor, 1)
    assert getattr(after, column) != getattr(before, column)
    assert after == row(connection, image_id)


@pytest.mark.parametrize(
    "values", ["NULL", "''", "'NULL'", "'x'", "'X'", "'x '", "'é'", "'e'", "'\\''", "',', width = 3"]
)
def test_texts_that_look_alike_are_different(connection: Any, cursor: Any, values: str) -> None:
    (image_id,) = add(connection)
    cache = RowCache()
    for text in ("'x'", "NULL", "''", "'e'"):
        cursor.execute(f"UPDATE image SET caption = {text} WHERE id = %s", (image_id,))
        cache.newest(cursor, 1)
        cursor.execute(f"UPDATE image SET caption = {values} WHERE id = %s", (image_id,))
        assert cache.newest(cursor, 1) == [row(connection, image_id)]


def test_texts_that_moved_to_another_column_are_seen(connection: Any, cursor: Any) -> None:
    (image_id,) = add(connection)
    cache = RowCache()
    for texts in ("caption = 'x', alt_text = NULL", "caption = NULL, alt_text = 'x'"):
        cursor.execute(f"UPDATE image SET {texts} WHERE id = %s", (image_id,))
        assert cache.newest(cursor, 1) == [row(connection, image_id)]


def test_a_deleted_photo_disappears(connection: Any, cursor: Any) -> None:
    deleted, kept = add(connection, 2)
    cache = RowCache()
    cache.newest(cursor, 2)
    images.delete(connection, deleted)
    assert [image.id for image in cache.newest(cursor, 2)] == [kept]


def test_a_page_with_more_photos_than_are_kept_is_complete(connection: Any, cursor: Any) -> None:
    newest_first = add(connection, 5)
    cache = RowCache(max_rows=2)
    for _ in range(2):
        assert [image.id for image in cache.newest(cursor, 5)] == newest_first


def test_there_may_be_no_photos(cursor: Any) -> None:
    assert RowCache().newest(cursor, 5) == []
    assert RowCache().newest(cursor, 5, before=new_id()) == []
