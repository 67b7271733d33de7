"""The function as Lambda calls it: events in, rows out. S3 is moto's, the database real, Gemini on loopback."""

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from PIL import Image

from annotate import handler
from annotate.caption import PROMPT_VERSION
from annotate.errors import ModelUnavailableError
from annotate.tagger import OfflineTagger
from catalog import images
from catalog.database import Database
from catalog.deadline import OutOfTimeError, seconds_left
from catalog.events import StoredObject, announcement
from catalog.filenames import filename_metadata
from catalog.keys import new_id, upload_key
from catalog.limits import MAX_BYTES
from catalog.repeated_errors import REASON
from catalog.settings import ConfigurationError
from catalog.uploads import Upload
from support import photos
from support.catalog_rows import row
from support.gemini_server import DROP, GeminiServer, Reply, blocked, failure
from support.lambda_context import LambdaContext, event_of, fresh_process

BUCKET = "photos"
KEY = "AIza-the-key-of-the-tests"
OVERLOADED = failure(503, "UNAVAILABLE", "The model is overloaded.")
BAD_KEY = failure(400, "INVALID_ARGUMENT", "API key not valid.", "API_KEY_INVALID")


@pytest.fixture(autouse=True)
def function(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Configure a fresh process of the function, with no key."""
    for name in ("GEMINI_API_KEY", "GEMINI_SECRET_ARN", "GEMINI_MODEL", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    with fresh_process(handler.describer):
        yield


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure a key, as a laptop does."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def uploaded(data: bytes | None = None) -> str:
    """Store a photo as the browser does, and return its id."""
    photo = new_id()
    boto3.client("s3").put_object(
        Bucket=BUCKET,
        Key=upload_key(photo),
        Body=photos.jpeg() if data is None else data,
        Metadata=filename_metadata("holiday.jpg"),
    )
    return photo


def deliver(*ids: str, bucket: str = BUCKET, seconds: float = 240) -> None:
    handler.handle(event_of(bucket, *ids), LambdaContext(seconds))


def failures_of(*ids: str, seconds: float = 30) -> list[Exception]:
    """Deliver an event in an invocation whose time does not suffice to ask Gemini again."""
    with pytest.raises(ExceptionGroup) as raised:
        deliver(*ids, seconds=seconds)
    return list(raised.value.exceptions)


def test_with_a_key_gemini_describes_the_photo(key: None, gemini: GeminiServer, database: Database) -> None:
    photo = uploaded(photos.jpeg(1600, 1200))
    deliver(photo)
    image = row(database, photo)
    assert (image.annotation_status, image.caption) == ("ready", "A photo of 768 by 576 pixels.")
    assert (image.model, image.prompt_version) == ("gemini-3.5-flash-lite", PROMPT_VERSION)
    assert image.filename == "holiday.jpg"


def test_what_is_transparent_is_sent_white(key: None, gemini: GeminiServer, database: Database) -> None:
    deliver(uploaded(photos.encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "PNG")))
    assert gemini.requests[0].picture.getpixel((32, 32)) == (255, 255, 255)


def test_without_a_key_the_offline_tagger_describes_it(database: Database, gemini: GeminiServer) -> None:
    photo = uploaded(photos.encoded(photos.fence(), "PNG"))
    deliver(photo)
    image = row(database, photo)
    assert (image.annotation_status, image.caption) == ("ready", "A picket fence, in white and blue.")
    assert (image.model, image.input_tokens) == ("offline-tagger", None)
    assert gemini.requests == []


def test_the_key_may_be_in_a_secret(gemini: GeminiServer, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="gemini", SecretString=f"{KEY}\n")
    monkeypatch.setenv("GEMINI_SECRET_ARN", secret["ARN"])
    deliver(uploaded())
    assert gemini.requests[0].api_key == KEY


def test_a_blank_secret_is_an_error_and_never_the_offline_tagger(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="gemini", SecretString=" ")
    monkeypatch.setenv("GEMINI_SECRET_ARN", secret["ARN"])
    photo = uploaded()
    (error,) = failures_of(photo)
    assert isinstance(error, ConfigurationError)
    assert row(database, photo).annotation_status == "pending"


def test_model_and_language_are_settings(
    key: None, gemini: GeminiServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_MODEL", "gemini-3.8-flash")
    monkeypatch.setenv("LANGUAGE", "de")
    photo = uploaded()
    deliver(photo)
    assert gemini.requests[0].model == "gemini-3.8-flash"
    assert row(database, photo).language == "de"


def test_a_second_delivery_is_not_paid_for(key: None, gemini: GeminiServer, database: Database) -> None:
    photo = uploaded()
    deliver(photo, photo)
    deliver(photo)
    assert len(gemini.requests) == 1


def test_a_delivery_is_acknowledged_while_another_one_describes_the_photo(
    key: None, gemini: GeminiServer, database: Database
) -> None:
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


def test_the_lease_of_a_killed_process_is_respected_until_it_expires(
    key: None, gemini: GeminiServer, database: Database
) -> None:
    photo = uploaded()
    with database.connection() as connection:
        upload = Upload.from_object(photo, boto3.client("s3").head_object(Bucket=BUCKET, Key=upload_key(photo)))
        images.register(connection, upload)
        images.acquire_lease(connection, photo, upload.etag, images.lease_end(connection, 60))
    deliver(photo)
    assert gemini.requests == []
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE image SET claimed_until = claimed_until - INTERVAL 1 MINUTE")
    deliver(photo)
    assert row(database, photo).annotation_status == "ready"


@pytest.mark.parametrize("reply", [OVERLOADED, DROP, Reply(200, b"{}")], ids=["overloaded", "dropped", "empty"])
def test_a_failure_that_may_pass_is_raised_and_the_next_delivery_describes_the_photo(
    key: None, gemini: GeminiServer, database: Database, reply: Reply
) -> None:
    photo = uploaded()
    gemini.reply(reply)
    (error,) = failures_of(photo)
    assert isinstance(error, ModelUnavailableError)
    assert row(database, photo).annotation_status == "pending"
    deliver(photo)
    assert row(database, photo).annotation_status == "ready"


def test_a_blocked_photo_fails_with_a_reason_and_no_caption(
    key: None, gemini: GeminiServer, database: Database
) -> None:
    photo = uploaded()
    gemini.reply(blocked("SAFETY"))
    deliver(photo)
    image = row(database, photo)
    assert (image.annotation_status, image.caption) == ("failed", None)
    assert "SAFETY" in str(image.annotation_reason)


def test_a_photo_that_failed_is_described_after_a_retry(key: None, gemini: GeminiServer, database: Database) -> None:
    photo = uploaded()
    gemini.reply(blocked("OTHER"))
    deliver(photo)
    with database.connection() as connection:
        images.retry(connection, photo)
    deliver(photo)
    assert row(database, photo).annotation_status == "ready"


def test_a_replaced_key_is_read_after_the_old_one_was_refused(
    gemini: GeminiServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="gemini", SecretString="old")["ARN"]
    monkeypatch.setenv("GEMINI_SECRET_ARN", arn)
    refused, described = uploaded(), uploaded()
    gemini.reply(BAD_KEY)
    deliver(refused)
    secrets.put_secret_value(SecretId=arn, SecretString="new")
    deliver(described)
    assert [request.api_key for request in gemini.requests] == ["old", "new"]
    assert "operator" in str(row(database, refused).annotation_reason)
    assert row(database, described).annotation_status == "ready"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"MZ a program", "JPEG"),
        (photos.jpeg()[:2000], "damaged"),
        (photos.decompression_bomb(), "megapixels"),
    ],
    ids=["empty", "no picture", "cut off", "bomb"],
)
def test_what_cannot_be_a_photo_fails_with_a_reason_and_costs_nothing(
    key: None, gemini: GeminiServer, database: Database, data: bytes, reason: str
) -> None:
    photo = uploaded(data)
    deliver(photo)
    image = row(database, photo)
    assert image.annotation_status == "failed"
    assert reason in str(image.annotation_reason)
    assert gemini.requests == []


def test_a_file_that_is_too_large_is_not_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = uploaded(bytes(MAX_BYTES + 1))
    monkeypatch.setattr("botocore.response.StreamingBody.read", lambda *_: pytest.fail("the file was read"))
    deliver(photo)
    assert "50 MiB" in str(row(database, photo).annotation_reason)


def test_a_photo_that_a_person_described_stays_as_it_is(key: None, gemini: GeminiServer, database: Database) -> None:
    photo = uploaded()
    gemini.reply(blocked("OTHER"))
    deliver(photo)
    with database.connection() as connection:
        images.edit(connection, photo, caption="My cat")
    deliver(photo)
    assert row(database, photo).caption == "My cat"
    assert len(gemini.requests) == 1


def test_a_deleted_photo_stays_deleted(key: None, gemini: GeminiServer, database: Database) -> None:
    photo = uploaded()
    gemini.reply(OVERLOADED)
    failures_of(photo)
    with database.connection() as connection:
        images.delete(connection, photo)
    deliver(photo)
    with database.connection() as connection:
        assert images.get(connection, photo) is None
    assert len(gemini.requests) == 1


def test_a_photo_that_is_gone_leaves_no_row(database: Database) -> None:
    photo = new_id()
    deliver(photo)
    with database.connection() as connection:
        assert images.get(connection, photo) is None


def test_objects_of_others_are_left_alone(key: None, gemini: GeminiServer, database: Database) -> None:
    deliver(uploaded(), bucket="another")
    stored = StoredObject(BUCKET, "thumbnails/1/512.webp")
    handler.handle(announcement(stored), LambdaContext())
    with database.connection() as connection:
        assert images.newest(connection, 10) == []
    assert gemini.requests == []


def test_one_failure_does_not_keep_the_others_waiting(key: None, gemini: GeminiServer, database: Database) -> None:
    unlucky, lucky = uploaded(), uploaded()
    gemini.reply(OVERLOADED)
    assert len(failures_of(unlucky, lucky)) == 1
    assert row(database, unlucky).annotation_status == "pending"
    assert row(database, lucky).annotation_status == "ready"


def test_another_event_is_refused() -> None:
    with pytest.raises(ValueError, match="not an S3 notification"):
        handler.handle({"Records": [{"body": "?"}]}, LambdaContext())


def test_the_log_tells_ids_and_nothing_of_the_photo(
    key: None, gemini: GeminiServer, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    photo = uploaded()
    gemini.reply(OVERLOADED)
    failures_of(photo)
    deliver(photo)
    told: list[Any] = [vars(record).get("image_id") for record in caplog.records]
    assert photo in told
    for secret in (KEY, "holiday", "A photo of", "Something seen"):
        assert secret not in caplog.text


def test_a_description_that_takes_too_long_is_left_to_the_next_delivery(
    key: None, gemini: GeminiServer, database: Database
) -> None:
    photo = uploaded()
    gemini.reply(Reply(200, b"{}", delay_seconds=7))
    (error,) = failures_of(photo, seconds=10)
    assert isinstance(error, OutOfTimeError)
    deliver(photo)
    assert row(database, photo).annotation_status == "ready"


def test_two_minutes_of_an_invocation_are_kept_for_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    lefts = []

    class Watch(OfflineTagger):
        def annotate(self, image: Image.Image) -> images.Annotation:
            lefts.append(seconds_left())
            return super().annotate(image)

    monkeypatch.setattr("annotate.handler.make_annotator", lambda _: Watch())
    deliver(uploaded(), seconds=240)
    (left,) = lefts
    assert left <= 240 - 120


def test_a_picture_that_takes_too_long_is_not_recorded_as_damaged(
    key: None, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = uploaded()
    monkeypatch.setattr("annotate.handler.decode", lambda *_: time.sleep(5))
    (error,) = failures_of(photo, seconds=4)
    assert isinstance(error, OutOfTimeError)
    assert row(database, photo).annotation_status == "pending"


def test_a_large_photo_is_sent_small(key: None, gemini: GeminiServer, database: Database) -> None:
    deliver(uploaded(photos.jpeg(4000, 3000)))
    assert gemini.requests[0].picture.size == (768, 576)


def test_a_bug_that_stops_the_same_photo_three_times_fails_it_and_spares_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, broken = uploaded(photos.encoded(photos.fence(), "PNG")), uploaded(photos.jpeg(64, 48))
    annotate = OfflineTagger.annotate

    def stumble(self: OfflineTagger, image: Image.Image) -> images.Annotation:
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
