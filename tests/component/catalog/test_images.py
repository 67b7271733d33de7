"""Rows of the catalog, on a real database as the application's user."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog import images, leases, queue, selection
from catalog.images import Annotation, Thumbnail
from catalog.keys import new_id
from catalog.uploads import Upload
from support.catalog_rows import ANNOTATION, THUMBNAIL, all_photos, an_upload, fail, finish, leased, registered, row


def test_a_registered_photo_is_pending(connection: Any) -> None:
    upload = an_upload()
    image = registered(connection, upload)
    assert {name: getattr(image, name) for name in vars(upload)} == vars(upload)
    assert (image.thumbnail_status, image.annotation_status) == ("pending", "pending")


@pytest.mark.parametrize("microsecond", [0, 400_000, 500_000, 999_999])
def test_the_upload_time_is_truncated_to_seconds(connection: Any, microsecond: int) -> None:
    second = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    image = registered(connection, an_upload(uploaded_at=second.replace(microsecond=microsecond)))
    assert image.uploaded_at == second


def test_microseconds_do_not_order_two_objects_of_one_second(connection: Any) -> None:
    first = an_upload(uploaded_at=datetime(2026, 11, 22, 10, 0, 0, 600_000, tzinfo=UTC))
    images.register(connection, first)
    leased(connection, first)
    second = replace(first, etag="e2", uploaded_at=first.uploaded_at + timedelta(microseconds=300_000))
    assert registered(connection, second).etag == "e1"


def test_registering_twice_keeps_the_results(connection: Any, upload: Upload) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    assert registered(connection, upload).thumbnail_status == "ready"


def test_a_replaced_object_is_pending_again(connection: Any, upload: Upload) -> None:
    finish(connection, upload)
    later = upload.uploaded_at + timedelta(seconds=1)
    image = registered(connection, replace(upload, etag="e2", bytes=99, uploaded_at=later))
    assert (image.etag, image.bytes) == ("e2", 99)
    assert (image.thumbnail_status, image.annotation_status) == ("pending", "pending")


def test_of_two_objects_of_one_second_the_leased_one_stays_until_the_other_is_settled(
    connection: Any, upload: Upload
) -> None:
    leased(connection, upload)
    other = replace(upload, etag="e2")
    assert [registered(connection, other, is_settled=settled).etag for settled in (False, True)] == ["e1", "e2"]


def test_a_replaced_object_of_the_same_second_is_pending_again_without_a_lease(connection: Any, upload: Upload) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    image = registered(connection, replace(upload, etag="e2"))
    assert (image.etag, image.thumbnail_status) == ("e2", "pending")


def test_a_late_event_of_an_older_object_changes_nothing(connection: Any, upload: Upload) -> None:
    older = replace(upload, etag="e0", uploaded_at=upload.uploaded_at - timedelta(minutes=1))
    assert registered(connection, older).etag == "e1"


def test_file_names_in_any_script_are_stored_unchanged(connection: Any) -> None:
    name = "Ελλάδα '\"\\ 🏝️.jpg"
    assert registered(connection, an_upload(filename=name)).filename == name


def test_an_unknown_photo_is_none(connection: Any) -> None:
    assert images.get(connection, new_id()) is None


def test_a_thumbnail_is_recorded_with_the_real_type_and_size(connection: Any, upload: Upload) -> None:
    assert images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    image = row(connection, upload.id)
    assert image.thumbnail_status == "ready"
    assert Thumbnail(**{name: getattr(image, name) for name in Thumbnail.__slots__}) == THUMBNAIL
    assert images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL), "recording is idempotent"


def test_a_result_for_a_replaced_object_is_dropped(connection: Any, upload: Upload) -> None:
    images.register(connection, replace(upload, etag="e2"))
    assert not images.thumbnail_ready(connection, upload.id, "e1", THUMBNAIL)
    assert not images.annotation_ready(connection, upload.id, "e1", ANNOTATION)


def test_a_failure_has_a_reason(connection: Any, upload: Upload) -> None:
    images.thumbnail_failed(connection, upload.id, upload.etag, "This file is empty.")
    images.annotation_failed(connection, upload.id, upload.etag, "Blocked.")
    image = row(connection, upload.id)
    assert (image.thumbnail_status, image.thumbnail_reason) == ("failed", "This file is empty.")
    assert (image.annotation_status, image.annotation_reason) == ("failed", "Blocked.")


def test_a_late_failure_does_not_undo_a_success(connection: Any, upload: Upload) -> None:
    finish(connection, upload)
    assert not fail(connection, upload)


def test_an_annotation_is_recorded_with_its_origin(connection: Any, upload: Upload) -> None:
    assert images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    image = row(connection, upload.id)
    assert image.annotation_status == "ready"
    assert Annotation(**{name: getattr(image, name) for name in Annotation.__slots__}) == ANNOTATION


def test_only_one_delivery_gets_the_lease(connection: Any, upload: Upload) -> None:
    assert leased(connection, upload)
    assert not leased(connection, upload)


def test_a_lease_ends_when_it_is_released_or_expires(connection: Any, upload: Upload) -> None:
    end = leased(connection, upload)
    assert end
    assert leases.release(connection, upload.id, upload.etag, end)
    assert leased(connection, upload, -1)
    assert leased(connection, upload)


def test_a_lease_cannot_be_acquired_twice_with_the_same_end(connection: Any, upload: Upload) -> None:
    end = leased(connection, upload)
    assert end
    assert not leases.acquire(connection, upload.id, upload.etag, end)


def test_the_holder_of_an_earlier_lease_does_not_release_a_later_one(connection: Any, upload: Upload) -> None:
    earlier = leased(connection, upload, -1)
    assert earlier
    assert leased(connection, upload)
    assert not leases.release(connection, upload.id, upload.etag, earlier)
    assert not leased(connection, upload)


def test_a_lease_from_an_earlier_upload_of_the_same_file_is_void(connection: Any, upload: Upload) -> None:
    earlier = leased(connection, upload)
    assert earlier
    for second, etag in enumerate(("e2", upload.etag), start=1):
        later = upload.uploaded_at + timedelta(seconds=second)
        images.register(connection, replace(upload, etag=etag, uploaded_at=later))
    assert leased(connection, upload, 61)
    leases.release(connection, upload.id, upload.etag, earlier)
    assert not leased(connection, upload)


def test_a_failure_under_an_earlier_lease_is_dropped(connection: Any, upload: Upload) -> None:
    earlier = leased(connection, upload, -1)
    current = leased(connection, upload)
    assert not images.annotation_failed(connection, upload.id, upload.etag, "Blocked.", earlier)
    assert images.annotation_failed(connection, upload.id, upload.etag, "Blocked.", current)


def test_an_annotated_photo_cannot_be_leased(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert not leased(connection, upload)


def test_the_first_annotation_stays(connection: Any, upload: Upload) -> None:
    assert images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert not images.annotation_ready(connection, upload.id, upload.etag, replace(ANNOTATION, caption="Another."))
    assert row(connection, upload.id).caption == ANNOTATION.caption


def test_a_late_annotation_replaces_a_failure(connection: Any, upload: Upload) -> None:
    images.annotation_failed(connection, upload.id, upload.etag, "It took too long.")
    assert images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    image = row(connection, upload.id)
    assert (image.annotation_status, image.annotation_reason) == ("ready", None)


def test_an_edit_changes_only_the_given_fields(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert images.edit(connection, upload.id, caption="My kite")
    image = row(connection, upload.id)
    assert (image.caption, image.edited) == ("My kite", True)
    assert (image.alt_text, image.tags) == (ANNOTATION.alt_text, ANNOTATION.tags)


def test_a_persons_text_is_never_overwritten(connection: Any, upload: Upload) -> None:
    images.edit(connection, upload.id, caption="Mine", tags=[])
    images.register(connection, replace(upload, etag="e2", uploaded_at=upload.uploaded_at + timedelta(seconds=1)))
    images.annotation_ready(connection, upload.id, "e2", ANNOTATION)
    image = row(connection, upload.id)
    assert (image.caption, image.tags, image.annotation_status) == ("Mine", (), "ready")


def test_who_changed_only_the_tags_still_gets_a_caption(connection: Any, upload: Upload) -> None:
    images.edit(connection, upload.id, tags=["mine"])
    assert row(connection, upload.id).annotation_status == "pending"
    assert images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    image = row(connection, upload.id)
    assert (image.caption, image.tags, image.generated_tags) == (ANNOTATION.caption, ("mine",), ANNOTATION.tags)
    assert (image.caption_edited, image.alt_text_edited, image.tags_edited, image.edited) == (False, False, True, True)


def test_who_wrote_every_text_needs_no_annotation(connection: Any, upload: Upload) -> None:
    images.edit(connection, upload.id, caption="Mine", alt_text="Mine, too", tags=[])
    assert row(connection, upload.id).annotation_status == "ready"
    assert not images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)


def test_a_caption_by_a_person_settles_a_failure(connection: Any, upload: Upload) -> None:
    images.annotation_failed(connection, upload.id, upload.etag, "Blocked.")
    images.edit(connection, upload.id, tags=["mine"])
    assert row(connection, upload.id).annotation_reason == "Blocked."
    images.edit(connection, upload.id, caption="Mine")
    image = row(connection, upload.id)
    assert (image.annotation_status, image.annotation_reason) == ("ready", None)


def test_a_failure_keeps_the_caption_that_a_person_wrote_meanwhile(connection: Any, upload: Upload) -> None:
    images.edit(connection, upload.id, caption="Mine")
    images.annotation_failed(connection, upload.id, upload.etag, "Blocked.")
    image = row(connection, upload.id)
    assert (image.annotation_status, image.caption) == ("ready", "Mine")


def test_the_generated_text_can_be_restored(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    before = row(connection, upload.id)
    images.edit(connection, upload.id, caption="Mine", tags=["mine"])
    images.edit(connection, upload.id, caption="Mine again", tags=[])
    assert row(connection, upload.id).generated_caption == ANNOTATION.caption
    assert images.restore(connection, upload.id)
    assert row(connection, upload.id) == before


def test_a_text_without_a_generated_one_stays_when_the_others_are_restored(connection: Any, upload: Upload) -> None:
    images.edit(connection, upload.id, caption="Mine")
    images.restore(connection, upload.id)
    image = row(connection, upload.id)
    assert (image.caption, image.caption_edited) == ("Mine", True)


def test_a_text_edited_by_an_older_release_counts_as_a_persons(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    connection.cursor().execute("UPDATE image SET caption = 'Old', edited = TRUE")
    queue.annotate_again(connection, selection.parse("all"), "keep")
    images.annotation_ready(connection, upload.id, upload.etag, replace(ANNOTATION, caption="New", alt_text="New"))
    image = row(connection, upload.id)
    assert (image.caption, image.alt_text, image.generated_caption) == ("Old", ANNOTATION.alt_text, "New")


def test_retry_resets_failed_parts_to_pending(connection: Any, upload: Upload) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    images.annotation_failed(connection, upload.id, upload.etag, "Blocked.")
    assert images.retry(connection, upload.id)
    image = row(connection, upload.id)
    assert (image.thumbnail_status, image.annotation_status, image.annotation_reason) == ("ready", "pending", None)


def test_no_late_event_restores_a_deleted_photo(connection: Any, upload: Upload) -> None:
    assert images.delete(connection, upload.id)
    assert images.get(connection, upload.id) is None
    assert all_photos(connection) == []
    assert images.register(connection, upload) is None
    assert images.register(connection, replace(upload, etag="e2")) is None
    assert not images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    assert not images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert not images.delete(connection, upload.id)
