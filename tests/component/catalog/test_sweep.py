"""The sweep, with a bucket, a topic and a real database."""

import logging
import os
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ClientError
from pymysql.err import DataError

from catalog import images
from catalog.bucket import Bucket
from catalog.database import DatabaseUnavailableError
from catalog.keys import new_id, upload_key
from catalog.pending import MAX_RESENT, PATIENCE_MINUTES, REASON, RESEND_MINUTES
from catalog.settings import ConfigurationError
from catalog_functions import sweeper
from catalog_functions.sweep import handle, tasks
from catalog_functions.sweeper import Outcome
from support.catalog_rows import THUMBNAIL, an_upload, row
from support.sweep_world import BUCKET, World


def test_a_pending_photo_is_announced_again(world: World) -> None:
    photo = world.swept()
    assert world.announced() == [upload_key(photo)]
    world.wait(RESEND_MINUTES + 1)
    assert world.sweeper.run() == Outcome(registered_images=0, resent_images=1, given_up_images=0)
    assert world.announced() == [upload_key(photo)]


def test_an_unregistered_upload_gets_a_row_and_is_announced(world: World) -> None:
    photo = world.overdue()
    assert world.sweeper.run() == Outcome(registered_images=1, resent_images=1, given_up_images=0)
    image = row(world.connection, photo)
    assert (image.filename, image.content_type, image.bytes) == ("kite.jpg", "image/png", 5)
    assert world.announced() == [upload_key(photo)]


def test_a_photo_replaced_without_an_event_is_pending_again(world: World) -> None:
    photo = world.swept()
    etag = world.s3.put_object(Bucket=BUCKET, Key=upload_key(photo), Body=b"another")["ETag"].strip('"')
    world.wait(PATIENCE_MINUTES + 1)
    assert world.sweeper.run() == Outcome(registered_images=1, resent_images=1, given_up_images=0)
    image = row(world.connection, photo)
    assert (image.etag, image.bytes) == (etag, 7)


def test_an_object_older_than_its_row_is_not_counted_as_registered(world: World) -> None:
    photo = world.upload()
    newer = an_upload(id=photo, etag="newer", uploaded_at=datetime.now(UTC) + timedelta(days=1))
    images.register(world.connection, newer)
    world.wait(PATIENCE_MINUTES + 1)
    assert world.sweeper.run().registered_images == 0
    assert row(world.connection, photo).etag == "newer"


def test_a_fresh_upload_is_left_to_its_event(world: World) -> None:
    photo = world.upload()
    world.wait(PATIENCE_MINUTES - 1)
    assert world.sweeper.run() == Outcome(0, 0, 0)
    assert images.get(world.connection, photo) is None


def test_a_deleted_photo_with_an_object_is_not_restored(world: World) -> None:
    photo = world.swept()
    images.delete(world.connection, photo)
    world.announced()
    world.wait(RESEND_MINUTES + 1)
    assert world.sweeper.run() == Outcome(0, 0, 0)
    assert images.get(world.connection, photo) is None
    assert world.announced() == []


def test_a_finished_photo_is_ignored(world: World) -> None:
    photo = world.swept()
    images.edit(world.connection, photo, caption="Mine", alt_text="Mine", tags=[])
    images.thumbnail_ready(world.connection, photo, row(world.connection, photo).etag, THUMBNAIL)
    world.wait(RESEND_MINUTES + 1)
    assert world.sweeper.run() == Outcome(0, 0, 0)


def test_a_photo_is_given_up_after_the_last_announcement(world: World) -> None:
    photo = world.overdue()
    for _ in range(MAX_RESENT):
        assert world.sweeper.run().resent_images == 1
        world.wait(RESEND_MINUTES + 1)
    assert world.sweeper.run() == Outcome(registered_images=0, resent_images=0, given_up_images=1)
    image = row(world.connection, photo)
    assert (image.thumbnail_status, image.annotation_reason) == ("failed", REASON)
    assert len(world.announced()) == MAX_RESENT
    assert world.sweeper.run() == Outcome(0, 0, 0)


def test_a_run_is_bounded_and_the_next_one_continues(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "MAX_PHOTOS", 2)
    photos = {world.upload() for _ in range(3)}
    world.wait(PATIENCE_MINUTES + 1)
    assert world.sweeper.run() == Outcome(registered_images=2, resent_images=2, given_up_images=0)
    assert world.sweeper.run() == Outcome(registered_images=1, resent_images=1, given_up_images=0)
    assert sorted(world.announced()) == sorted(upload_key(photo) for photo in photos)


def test_every_page_of_the_bucket_is_read(world: World) -> None:
    def two_a_page(params: dict[str, Any], **_: Any) -> None:
        params["query_string"]["max-keys"] = 2

    world.s3.meta.events.register("before-call.s3.ListObjectsV2", two_a_page)
    for _ in range(5):
        world.upload()
    world.wait(PATIENCE_MINUTES + 1)
    assert world.sweeper.run().registered_images == 5


def days_ago(days: int) -> str:
    """Return the id of a photo uploaded some days ago."""
    return str(UUID(int=UUID(new_id()).int - (days * 24 * 60 * 60 * 1000 << 80)))


def test_uploads_as_old_as_the_oldest_database_backup_are_found(world: World) -> None:
    world.upload(days_ago(34))  # RDS keeps backups for at most 35 days
    world.wait(PATIENCE_MINUTES + 1)
    assert world.sweeper.run().registered_images == 1


def test_older_objects_and_other_objects_are_ignored(world: World) -> None:
    world.upload(days_ago(36))
    world.s3.put_object(Bucket=BUCKET, Key="uploads/zebra.jpg", Body=b"of somebody else")
    world.s3.put_object(Bucket=BUCKET, Key=f"thumbnails/{new_id()}/512.webp", Body=b"no upload")
    world.wait(PATIENCE_MINUTES + 1)
    assert world.sweeper.run() == Outcome(0, 0, 0)


def test_an_upload_deleted_meanwhile_is_not_a_failure(world: World) -> None:
    photo = world.overdue()
    world.s3.meta.events.register(
        "before-call.s3.HeadObject",
        lambda **_: boto3.client("s3").delete_object(Bucket=BUCKET, Key=upload_key(photo)) and None,
    )
    assert world.sweeper.run() == Outcome(0, 0, 0)


@pytest.mark.parametrize(
    ("owner", "method", "error"),
    [
        (Bucket, "find_upload", ClientError({"Error": {"Code": "403", "Message": "no"}}, "HeadObject")),
        (images, "register", UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates")),
        (images, "register", DataError(1406, "long")),
    ],
)
def test_an_upload_that_cannot_be_registered_does_not_stop_the_others(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: Any,
    method: str,
    error: Exception,
) -> None:
    first, broken, last = sorted(world.upload() for _ in range(3))
    world.wait(PATIENCE_MINUTES + 1)
    original = getattr(owner, method)

    def refuse(target: Any, photo: Any, **options: Any) -> Any:
        if getattr(photo, "id", photo) == broken:
            raise error
        return original(target, photo, **options)

    monkeypatch.setattr(owner, method, refuse)
    with pytest.raises(ExceptionGroup, match="could not be registered"):
        world.sweeper.run()
    assert sorted(world.announced()) == [upload_key(first), upload_key(last)]
    assert [record.image_id for record in caplog.records if record.levelname == "ERROR"] == [broken]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "header",
    [
        "=?unicode_escape?q?=5Cud800?=",
        "=?raw_unicode_escape?q?=5Cud800?=",
        "=?utf-7?q?+2AA-?=",
        "=?utf-16-le?b?ANg=?=",
        "=?UTF-8?Q?=ED=A0=80.jpg?=",
    ],
)
def test_an_upload_with_a_lone_surrogate_in_its_name_is_registered(world: World, header: str) -> None:
    photo = new_id()
    world.s3.put_object(Bucket=BUCKET, Key=upload_key(photo), Body=b"photo", Metadata={"form-filename": header})
    world.wait(PATIENCE_MINUTES + 1)
    assert world.sweeper.run().registered_images == 1
    assert images.delete(world.connection, photo)


def test_an_unavailable_topic_costs_one_photo_one_attempt(world: World) -> None:
    for _ in range(3):
        world.upload()
    world.wait(PATIENCE_MINUTES + 1)
    topic = os.environ["TOPIC_ARN"]
    boto3.client("sns").delete_topic(TopicArn=topic)
    with pytest.raises(ClientError):
        world.sweeper.run()
    boto3.client("sns").create_topic(Name="uploads")
    assert world.sweeper.run().resent_images == 2


def test_the_report_is_one_log_line_with_numbers(world: World, caplog: pytest.LogCaptureFixture) -> None:
    photo = world.overdue()
    caplog.set_level(logging.INFO)
    world.sweeper.run()
    (record,) = [record for record in caplog.records if hasattr(record, "pending_images")]
    report = vars(record)
    assert (report["pending_images"], report["failed_images"]) == (1, 0)
    assert 0 <= report["oldest_pending_seconds"] - 60 * (PATIENCE_MINUTES + 1) < 60
    assert (report["registered_images"], report["resent_images"], report["given_up_images"]) == (1, 1, 0)
    assert any(getattr(record, "image_id", None) == photo for record in caplog.records)


def test_the_function_reads_its_environment_once(world: World) -> None:
    photo = world.swept()
    world.announced()
    world.wait(RESEND_MINUTES + 1)
    handle({"source": "aws.events"}, None)
    assert world.announced() == [upload_key(photo)]
    assert tasks() is tasks()


@pytest.mark.parametrize("variable", ["BUCKET_NAME", "TOPIC_ARN"])
def test_a_missing_variable_is_named(world: World, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(ConfigurationError, match=variable):
        handle({}, None)


def test_an_unreachable_database_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_HOST", "127.0.0.1")
    monkeypatch.setenv("DATABASE_PORT", "1")
    with pytest.raises(DatabaseUnavailableError):
        handle({}, None)
