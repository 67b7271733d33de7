"""Overdue photos, and what the sweep does with them, on a real database as the application's user."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog import images, pending
from catalog.keys import new_id
from catalog.pending import MAX_RESENT, PATIENCE_MINUTES, REASON, RESEND_MINUTES, Overdue
from catalog.uploads import Upload
from support.catalog_rows import ANNOTATION, THUMBNAIL, an_upload, fail, finish, leased, row

Later = Callable[[int], None]


def overdue(connection: Any) -> list[str]:
    return [photo.id for photo in pending.overdue(connection, 10)]


def send_again(connection: Any) -> Overdue:
    (photo,) = pending.overdue(connection, 10)
    assert pending.count_resending(connection, photo)
    return photo


def exhausted(connection: Any, later: Later) -> Overdue:
    """Announce the only photo as often as allowed, and let it become overdue once more."""
    later(PATIENCE_MINUTES + 1)
    for _ in range(MAX_RESENT):
        assert not send_again(connection).retries_exhausted
        later(RESEND_MINUTES + 1)
    (photo,) = pending.overdue(connection, 10)
    assert photo.retries_exhausted
    return photo


def test_a_photo_is_overdue_after_a_quarter_of_an_hour(connection: Any, upload: Upload, later: Later) -> None:
    later(PATIENCE_MINUTES - 1)
    assert overdue(connection) == []
    later(2)
    assert overdue(connection) == [upload.id]


def test_one_missing_result_is_enough(connection: Any, upload: Upload, later: Later) -> None:
    later(PATIENCE_MINUTES + 1)
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    assert overdue(connection) == [upload.id]
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert overdue(connection) == []


def test_a_failed_or_deleted_photo_is_not_overdue(connection: Any, upload: Upload, later: Later) -> None:
    later(PATIENCE_MINUTES + 1)
    fail(connection, upload)
    assert overdue(connection) == []
    images.retry(connection, upload.id)
    later(PATIENCE_MINUTES + 1)
    images.delete(connection, upload.id)
    assert overdue(connection) == []


def test_a_leased_photo_is_not_overdue(connection: Any, upload: Upload, later: Later) -> None:
    later(PATIENCE_MINUTES + 1)
    leased(connection, upload, 90)
    assert overdue(connection) == []
    later(2)
    assert overdue(connection) == [upload.id]


def test_overdue_photos_are_sorted_by_announcements_then_by_age(connection: Any, later: Later) -> None:
    ids = sorted(new_id() for _ in range(3))
    for image_id in ids:
        images.register(connection, an_upload(id=image_id))
    later(PATIENCE_MINUTES + 1)
    oldest = pending.overdue(connection, 1)[0]
    assert oldest.id == ids[0]
    pending.count_resending(connection, oldest)
    later(RESEND_MINUTES + 1)
    assert overdue(connection) == [ids[1], ids[2], ids[0]]
    assert [photo.id for photo in pending.overdue(connection, 2)] == ids[1:]


def test_a_photo_is_announced_again_once_an_hour(connection: Any, upload: Upload, later: Later) -> None:
    later(PATIENCE_MINUTES + 1)
    send_again(connection)
    later(RESEND_MINUTES - 1)
    assert overdue(connection) == []
    later(2)
    assert overdue(connection) == [upload.id]


def test_of_two_concurrent_sweeps_one_announces_a_photo(connection: Any, upload: Upload, later: Later) -> None:
    later(PATIENCE_MINUTES + 1)
    (photo,) = pending.overdue(connection, 10)
    assert pending.count_resending(connection, photo)
    assert not pending.count_resending(connection, photo)


def test_a_photo_that_became_ready_meanwhile_is_not_announced(connection: Any, upload: Upload, later: Later) -> None:
    later(PATIENCE_MINUTES + 1)
    (photo,) = pending.overdue(connection, 10)
    finish(connection, upload)
    assert not pending.count_resending(connection, photo)


def test_giving_up_records_a_failure_with_a_reason(connection: Any, upload: Upload, later: Later) -> None:
    assert pending.give_up(connection, exhausted(connection, later))
    image = row(connection, upload.id)
    assert (image.thumbnail_status, image.thumbnail_reason) == ("failed", REASON)
    assert (image.annotation_status, image.annotation_reason) == ("failed", REASON)
    assert overdue(connection) == []


def test_giving_up_keeps_existing_results(connection: Any, upload: Upload, later: Later) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    assert pending.give_up(connection, exhausted(connection, later))
    image = row(connection, upload.id)
    assert (image.thumbnail_status, image.thumbnail_reason, image.annotation_status) == ("ready", None, "failed")


def test_giving_up_keeps_a_persons_text(connection: Any, upload: Upload, later: Later) -> None:
    images.edit(connection, upload.id, caption="Mine", alt_text="Mine", tags=[])
    assert pending.give_up(connection, exhausted(connection, later))
    image = row(connection, upload.id)
    assert (image.caption, image.annotation_status, image.thumbnail_status) == ("Mine", "ready", "failed")


def test_a_photo_edited_meanwhile_is_not_given_up(connection: Any, upload: Upload, later: Later) -> None:
    photo = exhausted(connection, later)
    images.edit(connection, upload.id, caption="Mine", alt_text="Mine", tags=[])
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    assert not pending.give_up(connection, photo)
    assert row(connection, upload.id).annotation_status == "ready"


@pytest.mark.parametrize(
    "change",
    [
        lambda connection, upload: images.register(connection, replace(upload, etag="e2")),
        lambda connection, upload: images.delete(connection, upload.id),
        lambda connection, upload: leased(connection, upload, 90),
    ],
    ids=["replaced", "deleted", "leased"],
)
def test_a_photo_changed_meanwhile_is_neither_given_up_nor_announced(
    connection: Any, upload: Upload, later: Later, change: Callable[[Any, Upload], object]
) -> None:
    photo = exhausted(connection, later)
    change(connection, upload)
    assert not pending.give_up(connection, photo)
    assert not pending.count_resending(connection, photo)


def test_a_late_result_is_accepted_after_giving_up(connection: Any, upload: Upload, later: Later) -> None:
    pending.give_up(connection, exhausted(connection, later))
    assert finish(connection, upload)
    image = row(connection, upload.id)
    assert (image.thumbnail_status, image.annotation_status, image.caption) == ("ready", "ready", ANNOTATION.caption)


def test_a_retry_gets_the_full_number_of_attempts(connection: Any, upload: Upload, later: Later) -> None:
    pending.give_up(connection, exhausted(connection, later))
    later(24 * 60)
    images.retry(connection, upload.id)
    assert overdue(connection) == []
    assert exhausted(connection, later).id == upload.id


def test_a_retry_while_pending_gets_the_full_number_of_attempts(connection: Any, upload: Upload, later: Later) -> None:
    exhausted(connection, later)
    images.retry(connection, upload.id)
    (photo,) = pending.overdue(connection, 10)
    assert photo.resent == 0


def test_a_replaced_photo_gets_the_full_number_of_attempts(connection: Any, upload: Upload, later: Later) -> None:
    exhausted(connection, later)
    images.register(connection, replace(upload, etag="e2"))
    later(PATIENCE_MINUTES + 1)
    (photo,) = pending.overdue(connection, 10)
    assert (photo.etag, photo.resent) == ("e2", 0)


def test_unknown_ids_have_no_row_or_the_row_of_another_object(connection: Any, upload: Upload) -> None:
    deleted, unknown, replaced = new_id(), new_id(), new_id()
    for photo in (deleted, replaced):
        images.register(connection, replace(upload, id=photo))
    images.delete(connection, deleted)
    etags = {unknown: "e1", upload.id: "e1", deleted: "e2", replaced: "e2"}
    assert pending.unknown_ids(connection, etags) == sorted([unknown, replaced])
    assert pending.unknown_ids(connection, {}) == []


def backlog(connection: Any) -> tuple[int, int, int]:
    found = pending.backlog(connection, datetime.now(UTC) - timedelta(days=1))
    return found.pending_images, found.oldest_pending_seconds // 60, found.failed_images


def test_an_empty_catalog_has_no_backlog(connection: Any) -> None:
    assert backlog(connection) == (0, 0, 0)


def test_the_backlog_has_number_and_age_of_pending_photos(connection: Any, upload: Upload, later: Later) -> None:
    later(40)
    images.register(connection, an_upload())
    assert backlog(connection) == (2, 40, 0)
    finish(connection, upload)
    assert backlog(connection) == (1, 0, 0)


def test_announcing_a_photo_again_does_not_reset_its_age(connection: Any, upload: Upload, later: Later) -> None:
    later(40)
    send_again(connection)
    assert backlog(connection) == (1, 40, 0)


def test_an_old_photo_is_pending_since_its_retry(connection: Any, upload: Upload, later: Later) -> None:
    images.annotation_failed(connection, upload.id, upload.etag, "Blocked.")
    later(7 * 24 * 60)
    images.retry(connection, upload.id)
    later(20)
    assert backlog(connection) == (1, 20, 0)


def test_the_backlog_counts_recent_photos_that_failed(connection: Any, upload: Upload) -> None:
    fail(connection, upload)
    old = replace(upload, id="01900000-0000-7000-8000-000000000000")  # of 2024
    images.register(connection, old)
    fail(connection, old)
    assert backlog(connection) == (0, 0, 1)
    images.delete(connection, upload.id)
    assert backlog(connection) == (0, 0, 0)
