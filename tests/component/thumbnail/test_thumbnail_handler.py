"""Events of uploads, and what the thumbnail function makes of them in the bucket and the catalogue."""

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from catalog import images
from catalog.database import Database, DatabaseUnavailableError
from catalog.deadline import OutOfTimeError
from catalog.images import Image as Row
from catalog.repeated_errors import REASON
from catalog.settings import ConfigurationError
from catalog.uploads import StoredObject, Upload, announcement, new_id, thumbnail_key, upload_key
from support.lambda_context import Invocation
from support.photos import encoded, jpeg, scene
from thumbnail import handler
from thumbnail.config import ThumbnailSettings
from thumbnail.handler import ENDING_SECONDS, Thumbnailer, handle, thumbnailer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "photos"


@dataclass
class Gallery:
    """The bucket and the catalogue around the function."""

    s3: "S3Client"
    database: Database

    def upload(self, body: bytes, image_id: str | None = None, content_type: str = "image/jpeg") -> str:
        """Store a photo as a browser does, and return its id."""
        image_id = image_id or new_id()
        self.s3.put_object(Bucket=BUCKET, Key=upload_key(image_id), Body=body, ContentType=content_type)
        return image_id

    def row(self, image_id: str) -> Row | None:
        with self.database.connection() as connection:
            return images.get(connection, image_id)

    def delete(self, image_id: str) -> None:
        with self.database.connection() as connection:
            assert images.delete(connection, image_id)

    def thumbnail(self, image_id: str) -> Image.Image | None:
        """Return the stored thumbnail, if there is one."""
        try:
            found = self.s3.get_object(Bucket=BUCKET, Key=thumbnail_key(image_id))
        except self.s3.exceptions.NoSuchKey:
            return None
        return Image.open(BytesIO(found["Body"].read()))


@pytest.fixture
def gallery(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gallery]:
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    thumbnailer.cache_clear()
    yield Gallery(s3, database)
    if thumbnailer.cache_info().currsize:
        thumbnailer()._database.close()
    thumbnailer.cache_clear()


def event(*image_ids: str, bucket: str = BUCKET) -> dict[str, Any]:
    """Return one event for several uploads."""
    events = [announcement(StoredObject(bucket, upload_key(image_id))) for image_id in image_ids]
    return {"Records": [record for event in events for record in event["Records"]]}


def on_s3(call: str, action: Callable[..., None]) -> None:
    """Let something happen around the function's calls of S3; `call` is an event of botocore."""
    thumbnailer()._s3.meta.events.register(call, action)


def once_stored(action: Callable[[], None]) -> None:
    """Let something happen after the first thumbnail was stored and before the catalogue knows."""
    actions = [action]
    on_s3("after-call.s3.PutObject", lambda **_: actions.pop()() if actions else None)


# --- the way of a photo


def test_an_uploaded_photo_gets_a_thumbnail_and_a_row(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg(1200, 900))
    handle(event(photo), Invocation())
    row = gallery.row(photo)
    assert row is not None
    assert (row.thumbnail_status, row.width, row.height) == ("ready", 1200, 900)
    assert row.placeholder is not None
    assert row.placeholder.startswith("data:image/webp;base64,")
    thumbnail = gallery.thumbnail(photo)
    assert thumbnail is not None
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (512, 384))


def test_a_thumbnail_is_served_as_webp_and_asked_for_again_within_hours(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    handle(event(photo), Invocation())
    stored = gallery.s3.head_object(Bucket=BUCKET, Key=thumbnail_key(photo))
    assert stored["ContentType"] == "image/webp"
    assert stored["CacheControl"] == "private, max-age=3600"


def test_a_renamed_picture_is_recorded_as_what_it_is(gallery: Gallery) -> None:
    photo = gallery.upload(encoded(scene(), "PNG"), content_type="image/jpeg")
    handle(event(photo), Invocation())
    row = gallery.row(photo)
    assert row is not None
    assert (row.thumbnail_status, row.content_type) == ("ready", "image/png")


def test_a_repeated_event_does_not_make_the_thumbnail_again(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    handle(event(photo), Invocation())
    on_s3("before-call.s3.PutObject", lambda **_: pytest.fail("a thumbnail was stored"))
    handle(event(photo, photo), Invocation())


def test_a_thumbnail_that_was_lost_is_made_again_by_a_repeated_event(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    handle(event(photo), Invocation())
    gallery.s3.delete_object(Bucket=BUCKET, Key=thumbnail_key(photo))
    handle(event(photo), Invocation())
    assert gallery.thumbnail(photo) is not None


def test_a_replaced_photo_gets_a_new_thumbnail(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg(300, 200))
    handle(event(photo), Invocation())
    gallery.upload(jpeg(200, 300), photo)
    handle(event(photo), Invocation())
    row, thumbnail = gallery.row(photo), gallery.thumbnail(photo)
    assert row is not None
    assert thumbnail is not None
    assert (row.width, row.height) == thumbnail.size == (200, 300)


def test_all_photos_of_an_event_are_processed(gallery: Gallery) -> None:
    photos = [gallery.upload(jpeg(64, 48, seed)) for seed in range(3)]
    handle(event(*photos), Invocation())
    assert all(gallery.thumbnail(photo) for photo in photos)


def test_the_event_that_s3_sends_to_test_a_topic_is_acknowledged(gallery: Gallery) -> None:
    handle({"Records": [{"Sns": {"Message": json.dumps({"Event": "s3:TestEvent"})}}]}, Invocation())


# --- what can never succeed is recorded or ignored, and acknowledged


@pytest.mark.parametrize("body", [b"", b"hello", jpeg()[:1000]], ids=["empty", "text", "truncated"])
def test_a_file_that_is_no_picture_fails_with_a_reason(gallery: Gallery, body: bytes) -> None:
    photo = gallery.upload(body)
    handle(event(photo), Invocation())
    row = gallery.row(photo)
    assert row is not None
    assert row.thumbnail_status == "failed"
    assert row.thumbnail_reason
    assert gallery.thumbnail(photo) is None


class Untouched(BytesIO):
    """A body that must not be read."""

    def read(self, size: int | None = -1) -> bytes:
        pytest.fail("the body was read")


def test_a_file_that_is_too_large_fails_without_being_read(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = gallery.upload(jpeg())
    monkeypatch.setattr(handler, "MAX_BYTES", len(jpeg()) - 1)
    on_s3("after-call.s3.GetObject", lambda parsed, **_: parsed.update(Body=Untouched()))
    handle(event(photo), Invocation())
    row = gallery.row(photo)
    assert row is not None
    assert row.thumbnail_reason == "The file has more than 50 MiB. Make it smaller and upload it again."


def test_a_file_of_the_largest_size_is_read(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = gallery.upload(jpeg())
    monkeypatch.setattr(handler, "MAX_BYTES", len(jpeg()))
    handle(event(photo), Invocation())
    assert gallery.thumbnail(photo) is not None


def test_a_photo_that_is_gone_leaves_no_row(gallery: Gallery) -> None:
    photo = new_id()
    handle(event(photo), Invocation())
    assert gallery.row(photo) is None


def test_a_deleted_photo_stays_deleted_when_its_event_comes_late(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    handle(event(photo), Invocation())
    gallery.delete(photo)
    gallery.s3.delete_object(Bucket=BUCKET, Key=thumbnail_key(photo))
    handle(event(photo), Invocation())
    assert gallery.row(photo) is None
    assert gallery.thumbnail(photo) is None


def test_a_photo_older_than_the_one_in_the_catalogue_is_left_to_the_newer_event(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    newer = Upload(photo, "newer.jpg", "image/jpeg", 1, "newer", datetime.now(UTC) + timedelta(minutes=1))
    with gallery.database.connection() as connection:
        before = images.register(connection, newer)
    handle(event(photo), Invocation())
    assert gallery.row(photo) == before
    assert gallery.thumbnail(photo) is None


@pytest.mark.parametrize(
    "key", ["uploads/holiday.jpg", "thumbnails/x/512.webp", "uploads/", "secret/01920000-0000-7000-8000-000000000000"]
)
def test_an_object_that_is_not_an_upload_is_ignored(
    gallery: Gallery, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    gallery.s3.put_object(Bucket=BUCKET, Key=key, Body=jpeg())
    handle(announcement(StoredObject(BUCKET, key)), Invocation())
    assert gallery.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    assert "not an upload" in caplog.text
    assert "holiday" not in caplog.text


def test_an_object_in_another_bucket_is_ignored(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    handle(event(photo, bucket="somebody-elses"), Invocation())
    assert gallery.row(photo) is None


# --- what happens to the photo while its thumbnail is made


def test_the_thumbnail_of_a_photo_deleted_meanwhile_is_removed_again(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    once_stored(lambda: gallery.delete(photo))
    handle(event(photo), Invocation())
    assert gallery.row(photo) is None
    assert gallery.thumbnail(photo) is None


def test_a_thumbnail_that_outlived_its_photo_is_removed_by_the_next_delivery(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    handle(event(photo), Invocation())
    gallery.delete(photo)
    gallery.s3.delete_object(Bucket=BUCKET, Key=upload_key(photo))
    handle(event(photo), Invocation())
    assert gallery.thumbnail(photo) is None


def replace(gallery: Gallery, photo: str) -> None:
    """Replace a photo, and deliver the event of the new one, as another process would."""
    gallery.upload(jpeg(200, 300), photo)
    thumbnailer().process(StoredObject(BUCKET, upload_key(photo)))
    old = gallery.s3.get_object(Bucket=BUCKET, Key=thumbnail_key(photo))
    assert Image.open(BytesIO(old["Body"].read())).size == (200, 300)
    gallery.s3.put_object(Bucket=BUCKET, Key=thumbnail_key(photo), Body=encoded(scene(300, 200), "WEBP"))


def test_the_thumbnail_of_a_photo_replaced_meanwhile_is_the_new_one(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg(300, 200))
    once_stored(lambda: replace(gallery, photo))
    handle(event(photo), Invocation())
    row, thumbnail = gallery.row(photo), gallery.thumbnail(photo)
    assert row is not None
    assert thumbnail is not None
    assert (row.thumbnail_status, row.width, row.height) == ("ready", 200, 300)
    assert thumbnail.size == (200, 300)


# --- what may succeed later is raised


def test_one_photo_that_fails_for_now_does_not_hold_up_the_others(gallery: Gallery) -> None:
    first, broken, last = (gallery.upload(jpeg(64, 48, seed)) for seed in range(3))

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if broken in params["url_path"]:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "Reduce your request rate."}}, "PutObject")

    on_s3("before-call.s3.PutObject", refuse)
    with pytest.raises(ExceptionGroup) as raised:
        handle(event(first, broken, last), Invocation())
    assert [type(error) for error in raised.value.exceptions] == [ClientError]
    assert gallery.thumbnail(first) is not None
    assert gallery.thumbnail(last) is not None
    row = gallery.row(broken)
    assert row is not None
    assert row.thumbnail_status == "pending"


def test_a_database_that_is_away_makes_lambda_deliver_the_event_again(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    settings = ThumbnailSettings.from_environ(os.environ)
    away = Database(
        dataclasses.replace(settings, database_host="127.0.0.1", database_port=1), clock=iter(range(0, 99, 9)).__next__
    )
    with pytest.raises(DatabaseUnavailableError):
        Thumbnailer(BUCKET, gallery.s3, away).process(StoredObject(BUCKET, upload_key(photo)))
    assert gallery.thumbnail(photo) is None


def test_a_photo_that_takes_too_long_is_left_to_the_next_delivery(gallery: Gallery) -> None:
    slow, quick = gallery.upload(jpeg()), gallery.upload(jpeg())
    delays = [lambda: time.sleep(5), lambda: None]
    on_s3("before-call.s3.GetObject", lambda **_: delays.pop(0)())
    with pytest.raises(ExceptionGroup) as raised:
        handle(event(slow, quick), Invocation(seconds=ENDING_SECONDS + 2))
    assert [type(error) for error in raised.value.exceptions] == [OutOfTimeError]
    assert gallery.thumbnail(slow) is None
    assert gallery.thumbnail(quick) is not None


def test_an_event_of_another_kind_is_an_error(gallery: Gallery) -> None:
    with pytest.raises(ValueError, match="not an S3 notification"):
        handle({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}, Invocation())


def test_a_missing_variable_is_named(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUCKET_NAME")
    with pytest.raises(ConfigurationError, match="BUCKET_NAME"):
        handle(event(new_id()), Invocation())


def test_a_bug_that_stops_the_same_photo_three_times_fails_it(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = gallery.upload(jpeg())

    def stumble(data: bytes) -> None:
        raise KeyError(id(data))

    monkeypatch.setattr(handler, "resize", stumble)
    for _ in range(2):
        with pytest.raises(ExceptionGroup):
            handle(event(photo), Invocation())
    handle(event(photo), Invocation())
    row = gallery.row(photo)
    assert row is not None
    assert (row.thumbnail_status, row.thumbnail_reason) == ("failed", REASON)
