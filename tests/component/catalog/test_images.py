"""Rows of the catalogue, on a real database as the application's user."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog import images
from catalog.images import Annotation, Thumbnail
from catalog.search import parse
from catalog.uploads import Upload, new_id

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


def an_upload(**changes: Any) -> Upload:
    upload = Upload(
        id=new_id(),
        filename="kite.jpg",
        content_type="image/jpeg",
        bytes=1234,
        etag="e1",
        uploaded_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
    )
    return replace(upload, **changes)


@pytest.fixture
def upload(connection: Any) -> Upload:
    upload = an_upload()
    images.register(connection, upload)
    return upload


def found(connection: Any, query: str) -> list[str]:
    return [image.id for image in images.newest(connection, 50, search=parse(query))]


def test_a_registered_photo_is_pending(connection: Any) -> None:
    upload = an_upload()
    image = images.register(connection, upload)
    assert image is not None
    assert (image.id, image.filename, image.bytes, image.uploaded_at) == (
        upload.id,
        upload.filename,
        upload.bytes,
        upload.uploaded_at,
    )
    assert (image.thumbnail_status, image.annotation_status) == ("pending", "pending")


@pytest.mark.parametrize("microsecond", [0, 400_000, 500_000, 999_999])
def test_an_upload_belongs_to_the_second_in_which_it_began(connection: Any, microsecond: int) -> None:
    second = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    image = images.register(connection, an_upload(uploaded_at=second.replace(microsecond=microsecond)))
    assert image is not None
    assert image.uploaded_at == second


def test_fractions_do_not_tell_two_objects_of_one_second_apart(connection: Any) -> None:
    first = an_upload(uploaded_at=datetime(2026, 11, 22, 10, 0, 0, 600_000, tzinfo=UTC))
    images.register(connection, first)
    images.claim_annotation(connection, first.id, first.etag, images.claim_end(connection, 60))
    second = replace(first, etag="e2", uploaded_at=first.uploaded_at + timedelta(microseconds=300_000))
    image = images.register(connection, second)
    assert image is not None
    assert image.etag == "e1"


def test_registering_twice_keeps_what_is_known(connection: Any, upload: Upload) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    image = images.register(connection, upload)
    assert image is not None
    assert image.thumbnail_status == "ready"


def test_a_replaced_object_starts_again(connection: Any, upload: Upload) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    later = upload.uploaded_at + timedelta(seconds=1)
    image = images.register(connection, replace(upload, etag="e2", bytes=99, uploaded_at=later))
    assert image is not None
    assert (image.etag, image.bytes, image.thumbnail_status, image.annotation_status) == (
        "e2",
        99,
        "pending",
        "pending",
    )


def test_of_two_objects_of_one_second_the_described_one_stays_until_the_other_is_settled(
    connection: Any, upload: Upload
) -> None:
    images.claim_annotation(connection, upload.id, upload.etag, images.claim_end(connection, 60))
    etags = []
    for is_settled in (False, True):
        image = images.register(connection, replace(upload, etag="e2"), is_settled=is_settled)
        assert image is not None
        etags.append(image.etag)
    assert etags == ["e1", "e2"]


def test_a_replaced_object_of_the_same_second_starts_again_when_nobody_describes_it(
    connection: Any, upload: Upload
) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    image = images.register(connection, replace(upload, etag="e2"))
    assert image is not None
    assert (image.etag, image.thumbnail_status) == ("e2", "pending")


def test_a_late_event_of_an_older_object_changes_nothing(connection: Any, upload: Upload) -> None:
    older = replace(upload, etag="e0", uploaded_at=upload.uploaded_at - timedelta(minutes=1))
    image = images.register(connection, older)
    assert image is not None
    assert image.etag == "e1"


def test_names_in_any_script_come_back_unchanged(connection: Any) -> None:
    image = images.register(connection, an_upload(filename="Ελλάδα '\"\\ 🏝️.jpg"))
    assert image is not None
    assert image.filename == "Ελλάδα '\"\\ 🏝️.jpg"


def test_an_unknown_photo_is_none(connection: Any) -> None:
    assert images.get(connection, new_id()) is None


def test_the_newest_come_first_page_by_page(connection: Any) -> None:
    ids = [new_id() for _ in range(5)]
    for image_id in ids:
        images.register(connection, an_upload(id=image_id))
    newest_first = sorted(ids, reverse=True)
    first = [image.id for image in images.newest(connection, 3)]
    second = [image.id for image in images.newest(connection, 3, before=first[-1])]
    assert first + second == newest_first


def test_a_thumbnail_is_recorded_with_the_real_type_and_size(connection: Any, upload: Upload) -> None:
    assert images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    image = images.get(connection, upload.id)
    assert image is not None
    assert (image.thumbnail_status, image.width, image.height, image.content_type, image.placeholder) == (
        "ready",
        4000,
        3000,
        "image/png",
        THUMBNAIL.placeholder,
    )


def test_recording_the_same_thumbnail_twice_succeeds_twice(connection: Any, upload: Upload) -> None:
    assert images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    assert images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)


def test_a_result_for_a_replaced_object_is_dropped(connection: Any, upload: Upload) -> None:
    images.register(connection, replace(upload, etag="e2"))
    assert not images.thumbnail_ready(connection, upload.id, "e1", THUMBNAIL)
    assert not images.annotation_ready(connection, upload.id, "e1", ANNOTATION)


def test_a_failure_has_a_reason(connection: Any, upload: Upload) -> None:
    images.thumbnail_failed(connection, upload.id, upload.etag, "This file is empty.")
    images.annotation_failed(connection, upload.id, upload.etag, "Blocked.")
    image = images.get(connection, upload.id)
    assert image is not None
    assert (image.thumbnail_status, image.thumbnail_reason) == ("failed", "This file is empty.")
    assert (image.annotation_status, image.annotation_reason) == ("failed", "Blocked.")


def test_a_late_failure_does_not_undo_a_success(connection: Any, upload: Upload) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert not images.thumbnail_failed(connection, upload.id, upload.etag, "late")
    assert not images.annotation_failed(connection, upload.id, upload.etag, "late")


def test_an_annotation_is_recorded_with_its_provenance(connection: Any, upload: Upload) -> None:
    assert images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    image = images.get(connection, upload.id)
    assert image is not None
    assert image.annotation_status == "ready"
    assert Annotation(**{name: getattr(image, name) for name in Annotation.__slots__}) == ANNOTATION


def claim(connection: Any, upload: Upload, seconds: float = 60) -> datetime | None:
    """Claim the annotation; None when another one holds it."""
    end = images.claim_end(connection, seconds)
    return end if images.claim_annotation(connection, upload.id, upload.etag, end) else None


def test_only_one_delivery_claims_the_annotation(connection: Any, upload: Upload) -> None:
    assert claim(connection, upload)
    assert not claim(connection, upload)


def test_a_claim_ends_when_it_is_released_or_has_run_out(connection: Any, upload: Upload) -> None:
    end = claim(connection, upload)
    assert end
    assert images.release_annotation(connection, upload.id, upload.etag, end)
    assert claim(connection, upload, -1)
    assert claim(connection, upload)


def test_a_claim_that_began_at_the_same_moment_is_another_one(connection: Any, upload: Upload) -> None:
    end = claim(connection, upload)
    assert end
    assert not images.claim_annotation(connection, upload.id, upload.etag, end)


def test_a_claim_is_not_released_by_the_owner_of_an_earlier_one(connection: Any, upload: Upload) -> None:
    earlier = claim(connection, upload, -1)
    assert earlier
    assert claim(connection, upload)
    assert not images.release_annotation(connection, upload.id, upload.etag, earlier)
    assert not claim(connection, upload)


def test_a_claim_of_a_file_is_not_released_when_it_comes_back_after_another(connection: Any, upload: Upload) -> None:
    earlier = claim(connection, upload)
    assert earlier
    for second, etag in enumerate(("e2", upload.etag), start=1):
        images.register(
            connection, replace(upload, etag=etag, uploaded_at=upload.uploaded_at + timedelta(seconds=second))
        )
    assert claim(connection, upload, 61)
    images.release_annotation(connection, upload.id, upload.etag, earlier)
    assert not claim(connection, upload)


def test_a_failure_found_under_an_earlier_claim_does_not_count(connection: Any, upload: Upload) -> None:
    earlier = claim(connection, upload, -1)
    current = claim(connection, upload)
    assert not images.annotation_failed(connection, upload.id, upload.etag, "Blocked.", earlier)
    assert images.annotation_failed(connection, upload.id, upload.etag, "Blocked.", current)


def test_what_is_annotated_cannot_be_claimed(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert not claim(connection, upload)


def test_the_first_answer_stays(connection: Any, upload: Upload) -> None:
    assert images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert not images.annotation_ready(connection, upload.id, upload.etag, replace(ANNOTATION, caption="Another."))
    image = images.get(connection, upload.id)
    assert image is not None
    assert image.caption == ANNOTATION.caption


def test_an_answer_that_comes_late_undoes_a_failure(connection: Any, upload: Upload) -> None:
    images.annotation_failed(connection, upload.id, upload.etag, "It took too long.")
    assert images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    image = images.get(connection, upload.id)
    assert image is not None
    assert (image.annotation_status, image.annotation_reason) == ("ready", None)


def test_an_edit_changes_what_it_names_and_nothing_else(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert images.edit(connection, upload.id, caption="My kite")
    image = images.get(connection, upload.id)
    assert image is not None
    assert (image.caption, image.alt_text, image.tags, image.edited) == (
        "My kite",
        ANNOTATION.alt_text,
        ANNOTATION.tags,
        True,
    )


def test_a_persons_words_are_never_overwritten(connection: Any, upload: Upload) -> None:
    images.edit(connection, upload.id, caption="Mine", tags=[])
    assert not images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    images.register(connection, replace(upload, etag="e2"))
    image = images.get(connection, upload.id)
    assert image is not None
    assert (image.caption, image.tags, image.annotation_status) == ("Mine", (), "ready")


def test_retry_makes_what_failed_pending_again(connection: Any, upload: Upload) -> None:
    images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    images.annotation_failed(connection, upload.id, upload.etag, "Blocked.")
    assert images.retry(connection, upload.id)
    image = images.get(connection, upload.id)
    assert image is not None
    assert (image.thumbnail_status, image.annotation_status, image.annotation_reason) == ("ready", "pending", None)


def test_a_deleted_photo_is_gone_and_no_late_event_brings_it_back(connection: Any, upload: Upload) -> None:
    assert images.delete(connection, upload.id)
    assert images.get(connection, upload.id) is None
    assert images.newest(connection, 50) == []
    assert images.register(connection, upload) is None
    assert images.register(connection, replace(upload, etag="e2")) is None
    assert not images.thumbnail_ready(connection, upload.id, upload.etag, THUMBNAIL)
    assert not images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert not images.delete(connection, upload.id)


@pytest.mark.parametrize("query", ["kite", "KITE", "beach", "red kite", "bea", "the long", "with tail", "kite.jpg"])
def test_words_of_name_caption_alternative_text_and_tags_are_found(connection: Any, upload: Upload, query: str) -> None:
    words = replace(ANNOTATION, alt_text="A red kite with the long tail")
    images.annotation_ready(connection, upload.id, upload.etag, words)
    assert found(connection, query) == [upload.id]


def test_a_search_needs_every_word(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    assert found(connection, "kite submarine") == []


def test_a_deleted_photo_is_not_found_by_its_words(connection: Any, upload: Upload) -> None:
    images.annotation_ready(connection, upload.id, upload.etag, ANNOTATION)
    images.delete(connection, upload.id)
    assert found(connection, "kite") == []
