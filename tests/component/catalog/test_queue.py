"""The queue of photos that wait for an annotation, on a real database."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from catalog import images, pending, queue
from catalog.images import Annotation
from catalog.pending import PATIENCE_MINUTES
from catalog.queue import MAX_ANNOUNCEMENTS, REPEAT_MINUTES, TYPICAL_USD
from catalog.selection import parse
from catalog.uploads import Upload
from support.catalog_rows import ANNOTATION, an_upload, leased, registered, row

Later = Callable[[int], None]
BETTER = replace(ANNOTATION, caption="A better caption.")


def annotated(connection: Any, annotation: Annotation = ANNOTATION, **changes: Any) -> Upload:
    """Register a photo with an annotation."""
    upload = an_upload(**changes)
    registered(connection, upload)
    assert images.annotation_ready(connection, upload.id, upload.etag, annotation)
    return upload


def failed(connection: Any, reason: str) -> Upload:
    upload = an_upload()
    registered(connection, upload)
    assert images.annotation_failed(connection, upload.id, upload.etag, reason)
    return upload


def announce(connection: Any) -> list[str]:
    """Announce what is due and return the ids."""
    return [photo.id for photo in queue.due(connection, 100) if queue.count_announcing(connection, photo)]


def test_a_postponed_photo_is_due_and_not_overdue(connection: Any, upload: Upload, later: Later) -> None:
    assert leased(connection, upload)
    assert queue.postpone(connection, upload.id, upload.etag)
    images.thumbnail_failed(connection, upload.id, upload.etag, "Not an image.")
    later(PATIENCE_MINUTES + 1)
    assert [photo.id for photo in queue.due(connection, 10)] == [upload.id]
    assert pending.overdue(connection, 10) == []
    assert row(connection, upload.id).annotation_status == "pending"


def test_a_finished_photo_cannot_be_postponed(connection: Any) -> None:
    upload = annotated(connection)
    assert not queue.postpone(connection, upload.id, upload.etag)


def test_an_announced_photo_is_left_to_the_sweep(connection: Any, upload: Upload, later: Later) -> None:
    queue.postpone(connection, upload.id, upload.etag)
    assert announce(connection) == [upload.id]
    assert queue.size(connection) == 0
    later(PATIENCE_MINUTES + 1)
    assert [photo.id for photo in pending.overdue(connection, 10)] == [upload.id]


def test_one_run_announces_a_photo(connection: Any, upload: Upload) -> None:
    queue.postpone(connection, upload.id, upload.etag)
    (photo,) = queue.due(connection, 10)
    assert queue.count_announcing(connection, photo)
    assert not queue.count_announcing(connection, photo)


def test_the_longest_waiting_photos_come_first(connection: Any, later: Later) -> None:
    ids = []
    for _ in range(3):
        upload = an_upload()
        registered(connection, upload)
        queue.postpone(connection, upload.id, upload.etag)
        ids.append(upload.id)
        later(1)
    assert [photo.id for photo in queue.due(connection, 2)] == ids[:2]


def test_another_annotation_replaces_the_generated_text(connection: Any) -> None:
    upload = annotated(connection)
    assert queue.annotate_again(connection, parse("all"), "keep") == 1
    image = row(connection, upload.id)
    assert (image.annotation_status, image.caption, image.reannotation) == ("ready", ANNOTATION.caption, "keep")
    assert announce(connection) == [upload.id]
    assert leased(connection, upload)
    assert images.annotation_ready(connection, upload.id, upload.etag, BETTER)
    image = row(connection, upload.id)
    assert (image.caption, image.reannotation, image.annotate_at) == (BETTER.caption, None, None)


def test_another_annotation_keeps_a_persons_text(connection: Any) -> None:
    upload = annotated(connection)
    images.edit(connection, upload.id, caption="Mine")
    queue.annotate_again(connection, parse("all"), "keep")
    images.annotation_ready(connection, upload.id, upload.etag, BETTER)
    image = row(connection, upload.id)
    assert (image.caption, image.generated_caption) == ("Mine", BETTER.caption)


def test_another_annotation_overwrites_a_persons_text_if_told_to(connection: Any) -> None:
    upload = annotated(connection)
    images.edit(connection, upload.id, caption="Mine")
    queue.annotate_again(connection, parse("all"), "overwrite")
    images.annotation_ready(connection, upload.id, upload.etag, BETTER)
    image = row(connection, upload.id)
    assert (image.caption, image.generated_caption, image.edited) == (BETTER.caption, None, False)


def test_a_photo_keeps_its_caption_when_another_annotation_fails(connection: Any) -> None:
    upload = annotated(connection)
    queue.annotate_again(connection, parse("all"), "keep")
    assert images.annotation_failed(connection, upload.id, upload.etag, "Blocked.")
    image = row(connection, upload.id)
    assert (image.annotation_status, image.caption, image.annotation_reason) == (
        "ready",
        ANNOTATION.caption,
        "Blocked.",
    )
    assert (image.reannotation, image.annotate_at) == (None, None)


def test_a_lost_announcement_is_repeated_and_then_dropped(connection: Any, later: Later) -> None:
    upload = annotated(connection)
    queue.annotate_again(connection, parse("all"), "keep")
    for _ in range(MAX_ANNOUNCEMENTS):
        assert announce(connection) == [upload.id]
        assert announce(connection) == []
        later(REPEAT_MINUTES + 1)
    announce(connection)
    image = row(connection, upload.id)
    assert (image.reannotation, image.annotate_at, image.caption) == (None, None, ANNOTATION.caption)
    assert image.annotation_reason


def test_a_failed_photo_is_pending_again(connection: Any) -> None:
    upload = failed(connection, "Blocked.")
    assert queue.annotate_again(connection, parse("state:failed"), "keep") == 1
    image = row(connection, upload.id)
    assert (image.annotation_status, image.annotation_reason, image.reannotation) == ("pending", None, None)
    assert announce(connection) == [upload.id]


def test_a_run_that_was_interrupted_can_be_repeated(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        annotated(connection)
    monkeypatch.setattr(queue, "BATCH", 2)
    assert queue.annotate_again(connection, parse("all"), "keep") == 5
    assert queue.annotate_again(connection, parse("all"), "keep") == 0


def test_a_deleted_photo_is_not_annotated_again(connection: Any) -> None:
    upload = annotated(connection)
    queue.annotate_again(connection, parse("all"), "keep")
    images.delete(connection, upload.id)
    assert announce(connection) == []
    assert queue.size(connection) == 0
    assert queue.estimate(connection, parse("all")).images == 0


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("all", 2),
        ("model:offline", 1),
        ("model:gemini", 1),
        ("prompt:1", 1),
        ("language:de", 1),
        ("state:ready language:en", 1),
        ("state:failed", 0),
        ("before:2000-01-01", 0),
        ("after:2000-01-01", 2),
        ("id:nobody", 0),
    ],
)
def test_photos_are_selected_by_their_annotation(connection: Any, where: str, found: int) -> None:
    annotated(connection)
    annotated(connection, Annotation("Ein Drachen.", "Ein Drachen.", (), "de", "offline-tagger"))
    assert queue.estimate(connection, parse(where)).images == found
    assert queue.annotate_again(connection, parse(where), "keep") == found


def test_the_estimate_without_history_is_that_of_a_typical_photo(connection: Any) -> None:
    annotated(connection)
    assert queue.estimate(connection, parse("all")).usd == TYPICAL_USD


def test_the_estimate_is_the_average_of_captions_that_were_paid_for(connection: Any) -> None:
    for _ in range(3):
        annotated(connection)
    with connection.cursor() as cursor:
        for number, (outcome, usd) in enumerate([("used", "0.001"), ("used", "0.002"), ("unusable", "0.003")]):
            cursor.execute(
                """INSERT INTO annotation_request
                     (id, image_id, etag, requested_at, model, prompt_version, outcome, usd)
                   VALUES (%s, '', '', NOW(), 'gemini', '1', %s, %s)""",
                (number, outcome, usd),
            )
    assert queue.estimate(connection, parse("all")).usd == Decimal("0.009")


def test_failed_photos_are_retried_by_their_reason(connection: Any) -> None:
    upload = failed(connection, "Gemini has 100% no idea.")
    failed(connection, "Gemini has 100 ideas.")
    selection = parse("reason:100%")
    assert queue.failed(connection, selection) == 1
    assert queue.retry(connection, selection) == 1
    assert row(connection, upload.id).annotation_status == "pending"
    assert announce(connection) == [upload.id]


def test_a_photo_whose_thumbnail_failed_is_retried(connection: Any) -> None:
    upload = annotated(connection)
    images.thumbnail_failed(connection, upload.id, upload.etag, "Not an image.")
    assert queue.retry(connection, parse("all")) == 1
    assert announce(connection) == [upload.id]
    image = row(connection, upload.id)
    assert (image.thumbnail_status, image.annotation_status, image.annotation_reason) == ("pending", "ready", None)


def test_photos_of_the_offline_tagger_are_annotated_again_once(connection: Any) -> None:
    upload = annotated(connection, replace(ANNOTATION, model="offline-tagger"))
    annotated(connection)
    assert queue.annotate_offline_photos_again(connection, 10) == 1
    assert announce(connection) == [upload.id]
    images.annotation_failed(connection, upload.id, upload.etag, "Blocked.")
    assert queue.annotate_offline_photos_again(connection, 10) == 0
