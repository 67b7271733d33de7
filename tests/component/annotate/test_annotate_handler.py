"""The function as Lambda calls it, with moto's S3, a real database and a loopback Gemini server."""

import logging
import threading
import time
from typing import Any

import boto3
import pytest
from PIL import Image

from annotate import handler
from annotate.errors import ModelUnavailableError
from annotate.gemini.prompt import PROMPT_VERSION
from annotate.offline.tagger import OfflineTagger
from catalog import images
from catalog.database import Database
from catalog.deadline import OutOfTimeError, seconds_left
from catalog.events import StoredObject, announcement
from catalog.keys import new_id, upload_key
from catalog.limits import MAX_BYTES
from catalog.repeated_errors import REASON
from catalog.uploads import Upload
from support import photos
from support.annotating import BUCKET, KEY
from support.catalog_rows import all_photos, leased, row
from support.gemini_server import DROP, OVERLOADED, GeminiServer, Reply, blocked
from support.lambda_context import LambdaContext, event_of
from support.uploads import put_upload

pytestmark = pytest.mark.usefixtures("function")


def uploaded(data: bytes | None = None) -> str:
    """Store a photo as the browser does, and return its id."""
    return put_upload(BUCKET, photos.jpeg() if data is None else data, "holiday.jpg")


def deliver(*ids: str, bucket: str = BUCKET, seconds: float = 240) -> None:
    handler.handle(event_of(bucket, *ids), LambdaContext(seconds))


def delivered(data: bytes | None = None) -> str:
    """Store and announce a photo, and return its id."""
    photo = uploaded(data)
    deliver(photo)
    return photo


def failures_of(*ids: str, seconds: float = 30) -> list[Exception]:
    """Deliver an event that fails, with too little time left to retry a request to Gemini."""
    with pytest.raises(ExceptionGroup) as raised:
        deliver(*ids, seconds=seconds)
    return list(raised.value.exceptions)


def test_gemini_describes_the_photo(gemini: GeminiServer, database: Database) -> None:
    image = row(database, delivered(photos.jpeg(1600, 1200)))
    assert (image.annotation_status, image.caption) == ("ready", "A photo of 768 by 576 pixels.")
    assert (image.model, image.prompt_version) == ("gemini-3.5-flash-lite", PROMPT_VERSION)
    assert image.filename == "holiday.jpg"


def test_transparency_is_sent_as_white(gemini: GeminiServer, database: Database) -> None:
    delivered(photos.encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "PNG"))
    assert gemini.requests[0].picture.getpixel((32, 32)) == (255, 255, 255)


@pytest.mark.usefixtures("no_key")
def test_without_a_key_the_offline_tagger_describes_the_photo(database: Database, gemini: GeminiServer) -> None:
    image = row(database, delivered(photos.encoded(photos.fence(), "PNG")))
    assert (image.annotation_status, image.caption) == ("ready", "A picket fence under a blue sky.")
    assert (image.model, image.input_tokens) == ("offline-tagger", None)
    assert gemini.requests == []


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.usefixtures("no_key")
def test_the_offline_tagger_describes_a_transparent_picture(database: Database, mode: str) -> None:
    picture = photos.fence().convert(mode)
    picture.putalpha(128)
    image = row(database, delivered(photos.encoded(picture, "PNG")))
    assert (image.annotation_status, image.model) == ("ready", "offline-tagger")


@pytest.mark.usefixtures("no_key")
def test_the_key_may_be_in_a_secret(gemini: GeminiServer, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="gemini", SecretString=f"{KEY}\n")
    monkeypatch.setenv("GEMINI_SECRET_ARN", secret["ARN"])
    delivered()
    assert gemini.requests[0].api_key == KEY


def test_model_and_language_are_configurable(
    gemini: GeminiServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_MODEL", "gemini-3.8-flash")
    monkeypatch.setenv("LANGUAGE", "de")
    photo = delivered()
    assert gemini.requests[0].model == "gemini-3.8-flash"
    assert row(database, photo).language == "de"


def test_a_second_delivery_does_not_ask_gemini_again(gemini: GeminiServer, database: Database) -> None:
    photo = uploaded()
    deliver(photo, photo)
    deliver(photo)
    assert len(gemini.requests) == 1


def test_a_concurrent_delivery_is_acknowledged(gemini: GeminiServer, database: Database) -> None:
    photo = uploaded()
    gemini.reply(Reply(503, b"{}", delay_seconds=1))
    outcomes: list[str] = []

    def second() -> None:
        while not gemini.requests:
            time.sleep(0.01)
        handler.describer.cache_clear()  # it runs in another process, with its own connection
        deliver(photo)
        outcomes.append(row(database, photo).annotation_status)

    other = threading.Thread(target=second)
    other.start()
    (failure,) = failures_of(photo)
    other.join()
    assert outcomes == ["pending"]
    assert isinstance(failure, ModelUnavailableError)  # and so it is delivered again
    assert len(gemini.requests) == 1


def test_the_lease_of_a_killed_process_is_respected_until_it_expires(gemini: GeminiServer, database: Database) -> None:
    photo = uploaded()
    with database.connection() as connection:
        upload = Upload.from_object(photo, boto3.client("s3").head_object(Bucket=BUCKET, Key=upload_key(photo)))
        images.register(connection, upload)
        assert leased(connection, upload)
    deliver(photo)
    assert gemini.requests == []
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE image SET claimed_until = claimed_until - INTERVAL 1 MINUTE")
    deliver(photo)
    assert row(database, photo).annotation_status == "ready"


@pytest.mark.parametrize(
    ("reply", "seconds", "kind"),
    [
        (OVERLOADED, 30, ModelUnavailableError),
        (DROP, 30, ModelUnavailableError),
        (Reply(200, b"{}"), 30, ModelUnavailableError),
        (Reply(200, b"{}", delay_seconds=7), 10, OutOfTimeError),
    ],
    ids=["overloaded", "dropped", "empty", "slow"],
)
def test_a_temporary_failure_is_raised_for_the_next_delivery(
    gemini: GeminiServer, database: Database, reply: Reply, seconds: float, kind: type[Exception]
) -> None:
    photo = uploaded()
    gemini.reply(reply)
    (error,) = failures_of(photo, seconds=seconds)
    assert isinstance(error, kind)
    assert row(database, photo).annotation_status == "pending"
    deliver(photo)
    assert row(database, photo).annotation_status == "ready"


def test_a_blocked_photo_fails_with_a_reason(gemini: GeminiServer, database: Database) -> None:
    gemini.reply(blocked("SAFETY"))
    image = row(database, delivered())
    assert (image.annotation_status, image.caption) == ("failed", None)
    assert "SAFETY" in str(image.annotation_reason)


def test_a_failed_photo_is_described_after_a_retry(gemini: GeminiServer, database: Database) -> None:
    gemini.reply(blocked("OTHER"))
    photo = delivered()
    with database.connection() as connection:
        images.retry(connection, photo)
    deliver(photo)
    assert row(database, photo).annotation_status == "ready"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"MZ a program", "JPEG"),
        (photos.jpeg()[:2000], "damaged"),
        (photos.decompression_bomb(), "megapixels"),
    ],
    ids=["empty", "no photo", "truncated", "bomb"],
)
def test_an_unreadable_file_fails_without_asking_gemini(
    gemini: GeminiServer, database: Database, data: bytes, reason: str
) -> None:
    image = row(database, delivered(data))
    assert image.annotation_status == "failed"
    assert reason in str(image.annotation_reason)
    assert gemini.requests == []


def test_a_file_that_is_too_large_is_not_downloaded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.response.StreamingBody.read", lambda *_: pytest.fail("the file was read"))
    assert "50 MiB" in str(row(database, delivered(bytes(MAX_BYTES + 1))).annotation_reason)


def test_an_edited_photo_is_not_described_again(gemini: GeminiServer, database: Database) -> None:
    gemini.reply(blocked("OTHER"))
    photo = delivered()
    with database.connection() as connection:
        images.edit(connection, photo, caption="My cat")
    deliver(photo)
    assert row(database, photo).caption == "My cat"
    assert len(gemini.requests) == 1


def test_a_deleted_photo_stays_deleted(gemini: GeminiServer, database: Database) -> None:
    photo = uploaded()
    gemini.reply(OVERLOADED)
    failures_of(photo)
    with database.connection() as connection:
        images.delete(connection, photo)
    deliver(photo)
    with database.connection() as connection:
        assert images.get(connection, photo) is None
    assert len(gemini.requests) == 1


def test_missing_uploads_and_other_objects_are_ignored(gemini: GeminiServer, database: Database) -> None:
    deliver(new_id())
    deliver(uploaded(), bucket="another")
    stored = StoredObject(BUCKET, "thumbnails/1/512.webp")
    handler.handle(announcement(stored), LambdaContext())
    with database.connection() as connection:
        assert all_photos(connection) == []
    assert gemini.requests == []


def test_one_failure_does_not_block_other_photos(gemini: GeminiServer, database: Database) -> None:
    unlucky, lucky = uploaded(), uploaded()
    gemini.reply(OVERLOADED)
    assert len(failures_of(unlucky, lucky)) == 1
    assert row(database, unlucky).annotation_status == "pending"
    assert row(database, lucky).annotation_status == "ready"


def test_another_event_is_rejected() -> None:
    with pytest.raises(ValueError, match="not an S3 notification"):
        handler.handle({"Records": [{"body": "?"}]}, LambdaContext())


def test_the_log_has_ids_but_no_content(
    gemini: GeminiServer, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    photo = uploaded()
    gemini.reply(OVERLOADED)
    failures_of(photo)
    deliver(photo)
    logged: list[Any] = [vars(record).get("image_id") for record in caplog.records]
    assert photo in logged
    for secret in (KEY, "holiday", "A photo of", "Something seen"):
        assert secret not in caplog.text


@pytest.mark.usefixtures("no_key")
def test_two_minutes_are_reserved_for_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    lefts = []

    class Watch(OfflineTagger):
        def annotate(self, image: Image.Image, *_: object) -> images.Annotation:
            lefts.append(seconds_left())
            return super().annotate(image)

    monkeypatch.setattr("annotate.handler.make_annotator", lambda *_: Watch())
    deliver(uploaded(), seconds=240)
    (left,) = lefts
    assert left <= 240 - 120


def test_a_slow_decoder_is_not_recorded_as_damage(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = uploaded()
    monkeypatch.setattr("annotate.handler.decode", lambda *_: time.sleep(5))
    (error,) = failures_of(photo, seconds=4)
    assert isinstance(error, OutOfTimeError)
    assert row(database, photo).annotation_status == "pending"


def test_a_large_photo_is_scaled_before_it_is_sent(gemini: GeminiServer, database: Database) -> None:
    delivered(photos.jpeg(4000, 3000))
    assert gemini.requests[0].picture.size == (768, 576)


@pytest.mark.usefixtures("no_key")
def test_a_photo_that_fails_three_times_with_a_bug_is_marked_failed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, broken = uploaded(photos.encoded(photos.fence(), "PNG")), uploaded(photos.jpeg(64, 48))
    annotate = OfflineTagger.annotate

    def stumble(self: OfflineTagger, image: Image.Image, *_: object) -> images.Annotation:
        if image.size == (64, 48):
            raise ValueError(f"matmul of {id(image)}")
        return annotate(self, image)

    monkeypatch.setattr(OfflineTagger, "annotate", stumble)
    for _ in range(2):
        (error,) = failures_of(broken, sound)
        assert isinstance(error, ValueError)
        assert row(database, broken).annotation_status == "pending"
    deliver(broken, sound)
    assert row(database, broken).annotation_reason == REASON
    assert row(database, sound).annotation_status == "ready"
