"""The thumbnail function as Lambda calls it: events in, thumbnails and rows out."""

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

from catalog import bucket, images
from catalog.bucket import Bucket
from catalog.database import Database, DatabaseUnavailableError
from catalog.deadline import OutOfTimeError
from catalog.events import StoredObject, announcement
from catalog.images import Image as Row
from catalog.keys import new_id, thumbnail_key, upload_key
from catalog.limits import TOO_LARGE
from catalog.repeated_errors import REASON
from catalog.settings import ConfigurationError
from catalog.uploads import Upload
from support.catalog_rows import an_upload, row
from support.lambda_context import LambdaContext, event_of, fresh_process
from support.photos import encoded, jpeg, scene
from support.uploads import put_upload
from thumbnail import handler
from thumbnail.config import ThumbnailSettings
from thumbnail.handler import ENDING_SECONDS, Thumbnailer, handle, thumbnailer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "photos"


@dataclass
class Gallery:
    """The bucket and the catalog that the function uses."""

    s3: "S3Client"
    database: Database

    def upload(self, body: bytes, image_id: str | None = None, content_type: str = "image/jpeg") -> str:
        """Store a photo as a browser does, and return its id."""
        return put_upload(BUCKET, body, content_type=content_type, image_id=image_id)

    def row(self, image_id: str) -> Row:
        """Return the row of a photo, which must exist."""
        return row(self.database, image_id)

    def has_row(self, image_id: str) -> bool:
        with self.database.connection() as connection:
            return images.get(connection, image_id) is not None

    def delete(self, image_id: str) -> None:
        with self.database.connection() as connection:
            assert images.delete(connection, image_id)

    def thumbnail(self, image_id: str) -> tuple[int, int] | None:
        """Return the size of the stored thumbnail, which must be WebP, if there is one."""
        try:
            found = self.s3.get_object(Bucket=BUCKET, Key=thumbnail_key(image_id))
        except self.s3.exceptions.NoSuchKey:
            return None
        return Image.open(BytesIO(found["Body"].read()), formats=["WEBP"]).size


@pytest.fixture
def gallery(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gallery]:
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    with fresh_process(thumbnailer):
        yield Gallery(s3, database)


def deliver(*image_ids: str, bucket: str = BUCKET, seconds: float = 240) -> None:
    handle(event_of(bucket, *image_ids), LambdaContext(seconds))


def errors_of(*image_ids: str, seconds: float = 240) -> list[type[Exception]]:
    """Deliver an event and return the types of the errors."""
    with pytest.raises(ExceptionGroup) as raised:
        deliver(*image_ids, seconds=seconds)
    return [type(error) for error in raised.value.exceptions]


@pytest.fixture
def after_first_thumbnail(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Return a function that registers an action: it runs between the first stored thumbnail and its record."""

    def register(action: Callable[[], None]) -> None:
        put, actions = Bucket.put_thumbnail, [action]

        def put_then_act(self: Bucket, upload: Upload, webp: bytes) -> None:
            put(self, upload, webp)
            if actions:
                actions.pop()()

        monkeypatch.setattr(Bucket, "put_thumbnail", put_then_act)

    return register


# --- successful photos


def test_an_uploaded_photo_gets_a_thumbnail_and_a_row(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg(1200, 900))
    deliver(photo)
    row = gallery.row(photo)
    assert (row.thumbnail_status, row.width, row.height) == ("ready", 1200, 900)
    assert row.placeholder is not None
    assert row.placeholder.startswith("data:image/webp;base64,")
    assert gallery.thumbnail(photo) == (512, 384)


def test_a_thumbnail_is_webp_and_cached_for_an_hour(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    deliver(photo)
    stored = gallery.s3.head_object(Bucket=BUCKET, Key=thumbnail_key(photo))
    assert stored["ContentType"] == "image/webp"
    assert stored["CacheControl"] == "private, max-age=3600"


def test_the_content_decides_the_recorded_type(gallery: Gallery) -> None:
    photo = gallery.upload(encoded(scene(), "PNG"), content_type="image/jpeg")
    deliver(photo)
    row = gallery.row(photo)
    assert (row.thumbnail_status, row.content_type) == ("ready", "image/png")


def test_a_repeated_event_does_not_make_the_thumbnail_again(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = gallery.upload(jpeg())
    deliver(photo)
    monkeypatch.setattr(Bucket, "put_thumbnail", lambda *_: pytest.fail("a thumbnail was stored"))
    deliver(photo, photo)


def test_a_repeated_event_replaces_a_lost_thumbnail(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    deliver(photo)
    gallery.s3.delete_object(Bucket=BUCKET, Key=thumbnail_key(photo))
    deliver(photo)
    assert gallery.thumbnail(photo) is not None


def test_a_replaced_photo_gets_a_new_thumbnail(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg(300, 200))
    deliver(photo)
    gallery.upload(jpeg(200, 300), photo)
    deliver(photo)
    row = gallery.row(photo)
    assert (row.width, row.height) == gallery.thumbnail(photo) == (200, 300)


def test_all_photos_of_an_event_are_processed(gallery: Gallery) -> None:
    photos = [gallery.upload(jpeg(64, 48, seed)) for seed in range(3)]
    deliver(*photos)
    assert all(gallery.thumbnail(photo) for photo in photos)


def test_the_test_event_of_s3_is_acknowledged(gallery: Gallery) -> None:
    handle({"Records": [{"Sns": {"Message": json.dumps({"Event": "s3:TestEvent"})}}]}, LambdaContext())


# --- permanent failures are recorded or ignored, and acknowledged


@pytest.mark.parametrize("body", [b"", b"hello", jpeg()[:1000]], ids=["empty", "text", "truncated"])
def test_a_file_that_is_not_an_image_fails_with_a_reason(gallery: Gallery, body: bytes) -> None:
    photo = gallery.upload(body)
    deliver(photo)
    row = gallery.row(photo)
    assert row.thumbnail_status == "failed"
    assert row.thumbnail_reason
    assert gallery.thumbnail(photo) is None


def test_a_file_that_is_too_large_fails_without_being_read(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = gallery.upload(jpeg())
    monkeypatch.setattr(bucket, "MAX_BYTES", len(jpeg()) - 1)
    monkeypatch.setattr("botocore.response.StreamingBody.read", lambda *_: pytest.fail("the file was read"))
    deliver(photo)
    assert gallery.row(photo).thumbnail_reason == TOO_LARGE


def test_an_upload_that_is_gone_gets_no_row(gallery: Gallery) -> None:
    photo = new_id()
    deliver(photo)
    assert not gallery.has_row(photo)


def test_a_late_event_does_not_restore_a_deleted_photo(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    deliver(photo)
    gallery.delete(photo)
    gallery.s3.delete_object(Bucket=BUCKET, Key=thumbnail_key(photo))
    deliver(photo)
    assert not gallery.has_row(photo)
    assert gallery.thumbnail(photo) is None


def test_an_object_older_than_the_row_is_left_to_the_newer_event(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    newer = an_upload(id=photo, etag="newer", uploaded_at=datetime.now(UTC) + timedelta(minutes=1))
    with gallery.database.connection() as connection:
        before = images.register(connection, newer)
    deliver(photo)
    assert gallery.row(photo) == before
    assert gallery.thumbnail(photo) is None


@pytest.mark.parametrize(
    "key", ["uploads/holiday.jpg", "thumbnails/x/512.webp", "uploads/", "secret/01920000-0000-7000-8000-000000000000"]
)
def test_an_object_that_is_not_an_upload_is_ignored(
    gallery: Gallery, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    gallery.s3.put_object(Bucket=BUCKET, Key=key, Body=jpeg())
    handle(announcement(StoredObject(BUCKET, key)), LambdaContext())
    assert gallery.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    assert "not an upload" in caplog.text
    assert "holiday" not in caplog.text


def test_an_object_in_another_bucket_is_ignored(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    deliver(photo, bucket="somebody-elses")
    assert not gallery.has_row(photo)


# --- changes while the thumbnail is made


def test_the_thumbnail_of_a_photo_deleted_meanwhile_is_removed(
    gallery: Gallery, after_first_thumbnail: Callable[[Callable[[], None]], None]
) -> None:
    photo = gallery.upload(jpeg())
    after_first_thumbnail(lambda: gallery.delete(photo))
    deliver(photo)
    assert not gallery.has_row(photo)
    assert gallery.thumbnail(photo) is None


def test_the_next_delivery_removes_the_thumbnail_of_a_deleted_photo(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    deliver(photo)
    gallery.delete(photo)
    gallery.s3.delete_object(Bucket=BUCKET, Key=upload_key(photo))
    deliver(photo)
    assert gallery.thumbnail(photo) is None


def test_a_photo_replaced_meanwhile_ends_with_the_new_thumbnail(
    gallery: Gallery, after_first_thumbnail: Callable[[Callable[[], None]], None]
) -> None:
    def replace() -> None:
        """Replace the photo and process its new event first, as another process would."""
        gallery.upload(jpeg(200, 300), photo)
        thumbnailer().process(photo)
        assert gallery.thumbnail(photo) == (200, 300)
        gallery.s3.put_object(Bucket=BUCKET, Key=thumbnail_key(photo), Body=encoded(scene(300, 200), "WEBP"))

    photo = gallery.upload(jpeg(300, 200))
    after_first_thumbnail(replace)
    deliver(photo)
    row = gallery.row(photo)
    assert (row.thumbnail_status, row.width, row.height) == ("ready", 200, 300)
    assert gallery.thumbnail(photo) == (200, 300)


# --- temporary failures are raised


def test_a_failing_photo_does_not_stop_the_others(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    first, broken, last = (gallery.upload(jpeg(64, 48, seed)) for seed in range(3))
    put = Bucket.put_thumbnail

    def refuse(self: Bucket, upload: Upload, webp: bytes) -> None:
        if upload.id == broken:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "Reduce your request rate."}}, "PutObject")
        put(self, upload, webp)

    monkeypatch.setattr(Bucket, "put_thumbnail", refuse)
    assert errors_of(first, broken, last) == [ClientError]
    assert gallery.thumbnail(first) is not None
    assert gallery.thumbnail(last) is not None
    assert gallery.row(broken).thumbnail_status == "pending"


def test_an_unreachable_database_is_an_error(gallery: Gallery) -> None:
    photo = gallery.upload(jpeg())
    settings = ThumbnailSettings.from_environ(os.environ)
    away = Database(
        dataclasses.replace(settings, database_host="127.0.0.1", database_port=1), clock=iter(range(0, 99, 9)).__next__
    )
    with pytest.raises(DatabaseUnavailableError):
        Thumbnailer(Bucket(BUCKET), away).process(photo)
    assert gallery.thumbnail(photo) is None


def test_a_slow_photo_is_interrupted_and_the_next_one_processed(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = gallery.upload(jpeg()), gallery.upload(jpeg())
    open_upload = Bucket.open_upload

    def open_slowly(self: Bucket, image_id: str) -> Any:
        time.sleep(5 if image_id == slow else 0)
        return open_upload(self, image_id)

    monkeypatch.setattr(Bucket, "open_upload", open_slowly)
    assert errors_of(slow, quick, seconds=ENDING_SECONDS + 2) == [OutOfTimeError]
    assert gallery.thumbnail(slow) is None
    assert gallery.thumbnail(quick) is not None


def test_an_event_of_another_kind_is_an_error(gallery: Gallery) -> None:
    with pytest.raises(ValueError, match="not an S3 notification"):
        handle({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}, LambdaContext())


def test_a_missing_variable_is_named(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUCKET_NAME")
    with pytest.raises(ConfigurationError, match="BUCKET_NAME"):
        deliver(new_id())


def test_a_photo_fails_after_the_same_bug_three_times(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = gallery.upload(jpeg())

    def stumble(data: bytes) -> None:
        raise KeyError(id(data))

    monkeypatch.setattr(handler, "resize", stumble)
    for _ in range(2):
        assert errors_of(photo) == [KeyError]
    deliver(photo)
    row = gallery.row(photo)
    assert (row.thumbnail_status, row.thumbnail_reason) == ("failed", REASON)
