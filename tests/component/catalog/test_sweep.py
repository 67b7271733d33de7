"""The sweep, between a bucket, a topic and a real database."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ClientError
from pymysql.err import DataError

from catalog import images, sweep
from catalog.database import Database, DatabaseUnavailableError
from catalog.images import Thumbnail
from catalog.pending import MAX_RESENT, PATIENCE_MINUTES, REASON, RESEND_MINUTES
from catalog.settings import ConfigurationError
from catalog.sweep import Outcome, Sweeper, SweepSettings, handle, sweeper
from catalog.uploads import Upload, announced_objects, filename_metadata, new_id, upload_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "photos"
THUMBNAIL = Thumbnail(width=4, height=3, content_type="image/jpeg", placeholder="")


@dataclass
class Surroundings:
    """What the sweep looks at, and what it says."""

    s3: "S3Client"
    sqs: Any
    queue: str
    connection: Any
    later: Callable[[int], None]
    sweeper: Sweeper
    waited: int = 0

    def upload(self, image_id: str | None = None) -> str:
        """Store a photo, of which no event tells."""
        image_id = image_id or new_id()
        metadata = filename_metadata("kite.jpg")
        self.s3.put_object(
            Bucket=BUCKET, Key=upload_key(image_id), Body=b"photo", ContentType="image/png", Metadata=metadata
        )
        return image_id

    def wait(self, minutes: int) -> None:
        """Let minutes pass, in the bucket and in the catalogue."""
        self.waited += minutes
        self.later(minutes)

    def age(self, parsed: dict[str, Any], **_: Any) -> None:
        """Make what S3 answers as old as it would be."""
        for described in (parsed, *parsed.get("Contents", [])):
            if isinstance(described.get("LastModified"), datetime):
                described["LastModified"] -= timedelta(minutes=self.waited)

    def announced(self) -> list[str]:
        """Take what the topic delivered, as its subscribers read it."""
        events = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                events.append({"Records": [{"Sns": json.loads(message["Body"])}]})
        found = [stored for event in events for stored in announced_objects(event)]
        assert {stored.bucket for stored in found} <= {BUCKET}
        return [stored.key for stored in found]


@pytest.fixture
def around(
    database: Database, connection: Any, later: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Surroundings]:
    s3, sns, sqs = boto3.client("s3"), boto3.client("sns"), boto3.client("sqs")
    s3.create_bucket(Bucket=BUCKET)
    topic = sns.create_topic(Name="uploads")["TopicArn"]
    queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    monkeypatch.setenv("TOPIC_ARN", topic)
    settings = SweepSettings.from_environ(os.environ)
    around = Surroundings(s3, sqs, queue, connection, later, Sweeper(settings, s3, sns, database))
    for call in ("ListObjectsV2", "HeadObject"):
        s3.meta.events.register(f"after-call.s3.{call}", around.age)
    sweeper.cache_clear()
    yield around
    sweeper.cache_clear()


def test_a_photo_that_stays_pending_is_announced_again(around: Surroundings) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    around.sweeper.run()
    assert around.announced() == [upload_key(photo)]
    around.wait(RESEND_MINUTES + 1)
    assert around.sweeper.run() == Outcome(registered_images=0, resent_images=1, given_up_images=0)
    assert around.announced() == [upload_key(photo)]


def test_an_upload_that_nobody_registered_gets_a_row_and_is_announced(around: Surroundings) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    assert around.sweeper.run() == Outcome(registered_images=1, resent_images=1, given_up_images=0)
    image = images.get(around.connection, photo)
    assert image is not None
    assert (image.filename, image.content_type, image.bytes) == ("kite.jpg", "image/png", 5)
    assert around.announced() == [upload_key(photo)]


def test_a_photo_that_was_replaced_without_an_event_starts_again(around: Surroundings) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    around.sweeper.run()
    etag = around.s3.put_object(Bucket=BUCKET, Key=upload_key(photo), Body=b"another")["ETag"].strip('"')
    around.wait(PATIENCE_MINUTES + 1)
    assert around.sweeper.run() == Outcome(registered_images=1, resent_images=1, given_up_images=0)
    image = images.get(around.connection, photo)
    assert image is not None
    assert (image.etag, image.bytes) == (etag, 7)


def test_a_file_older_than_the_one_in_the_catalogue_is_not_counted_as_registered(around: Surroundings) -> None:
    photo = around.upload()
    newer = Upload(photo, "newer.png", "image/png", 1, "newer", datetime.now(UTC) + timedelta(days=1))
    images.register(around.connection, newer)
    around.wait(PATIENCE_MINUTES + 1)
    assert around.sweeper.run().registered_images == 0
    image = images.get(around.connection, photo)
    assert image is not None
    assert image.etag == "newer"


def test_a_fresh_upload_is_left_to_its_event(around: Surroundings) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES - 1)
    assert around.sweeper.run() == Outcome(0, 0, 0)
    assert images.get(around.connection, photo) is None


def test_a_deleted_photo_whose_object_is_still_there_does_not_come_back(around: Surroundings) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    around.sweeper.run()
    images.delete(around.connection, photo)
    around.announced()
    around.wait(RESEND_MINUTES + 1)
    assert around.sweeper.run() == Outcome(0, 0, 0)
    assert images.get(around.connection, photo) is None
    assert around.announced() == []


def test_a_photo_that_is_done_is_left_alone(around: Surroundings) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    around.sweeper.run()
    images.edit(around.connection, photo, caption="Mine")
    image = images.get(around.connection, photo)
    assert image is not None
    images.thumbnail_ready(around.connection, photo, image.etag, THUMBNAIL)
    around.wait(RESEND_MINUTES + 1)
    assert around.sweeper.run() == Outcome(0, 0, 0)


def test_a_photo_is_given_up_when_it_was_sent_again_often_enough(around: Surroundings) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    for _ in range(MAX_RESENT):
        assert around.sweeper.run().resent_images == 1
        around.wait(RESEND_MINUTES + 1)
    assert around.sweeper.run() == Outcome(registered_images=0, resent_images=0, given_up_images=1)
    image = images.get(around.connection, photo)
    assert image is not None
    assert (image.thumbnail_status, image.annotation_reason) == ("failed", REASON)
    assert len(around.announced()) == MAX_RESENT
    assert around.sweeper.run() == Outcome(0, 0, 0)


def test_a_run_is_bounded_and_the_next_goes_on(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "MAX_PHOTOS", 2)
    photos = {around.upload() for _ in range(3)}
    around.wait(PATIENCE_MINUTES + 1)
    assert around.sweeper.run() == Outcome(registered_images=2, resent_images=2, given_up_images=0)
    assert around.sweeper.run() == Outcome(registered_images=1, resent_images=1, given_up_images=0)
    assert sorted(around.announced()) == sorted(upload_key(photo) for photo in photos)


def test_every_page_of_the_bucket_is_read(around: Surroundings) -> None:
    def two_a_page(params: dict[str, Any], **_: Any) -> None:
        params["query_string"]["max-keys"] = 2

    around.s3.meta.events.register("before-call.s3.ListObjectsV2", two_a_page)
    for _ in range(5):
        around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    assert around.sweeper.run().registered_images == 5


def days_ago(days: int) -> str:
    """Return the id of a photo that was uploaded so many days ago."""
    return str(UUID(int=UUID(new_id()).int - (days * 24 * 60 * 60 * 1000 << 80)))


def test_every_upload_since_the_oldest_backup_of_the_database_is_found(around: Surroundings) -> None:
    around.upload(days_ago(34))  # RDS keeps them for 35 days at the most
    around.wait(PATIENCE_MINUTES + 1)
    assert around.sweeper.run().registered_images == 1


def test_older_objects_and_those_that_are_no_uploads_are_left_alone(around: Surroundings) -> None:
    around.upload(days_ago(36))
    around.s3.put_object(Bucket=BUCKET, Key="uploads/zebra.jpg", Body=b"of somebody else")
    around.s3.put_object(Bucket=BUCKET, Key=f"thumbnails/{new_id()}/512.webp", Body=b"no upload")
    around.wait(PATIENCE_MINUTES + 1)
    assert around.sweeper.run() == Outcome(0, 0, 0)


def test_an_upload_deleted_meanwhile_is_no_failure(around: Surroundings) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    around.s3.meta.events.register(
        "before-call.s3.HeadObject",
        lambda **_: boto3.client("s3").delete_object(Bucket=BUCKET, Key=upload_key(photo)) and None,
    )
    assert around.sweeper.run() == Outcome(0, 0, 0)


def test_one_upload_that_cannot_be_registered_does_not_hold_up_the_others(around: Surroundings) -> None:
    first, broken, last = sorted(around.upload() for _ in range(3))
    around.wait(PATIENCE_MINUTES + 1)

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if broken in params["url_path"]:
            raise ClientError(
                {"Error": {"Code": "403", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}},  # type: ignore[typeddict-item]
                "HeadObject",
            )

    around.s3.meta.events.register("before-call.s3.HeadObject", refuse)
    with pytest.raises(ExceptionGroup, match="could not be registered"):
        around.sweeper.run()
    assert sorted(around.announced()) == [upload_key(first), upload_key(last)]


@pytest.mark.parametrize("error", [UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), DataError(1406, "long")])
def test_one_upload_that_no_row_can_hold_does_not_hold_up_the_others(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    first, broken, last = sorted(around.upload() for _ in range(3))
    around.wait(PATIENCE_MINUTES + 1)
    register = images.register

    def refuse(connection: Any, upload: Upload, **options: Any) -> images.Image | None:
        if upload.id == broken:
            raise error
        return register(connection, upload, **options)

    monkeypatch.setattr(images, "register", refuse)
    with pytest.raises(ExceptionGroup, match="could not be registered"):
        around.sweeper.run()
    assert sorted(around.announced()) == [upload_key(first), upload_key(last)]
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
def test_an_upload_with_half_a_character_in_its_name_is_registered_and_can_be_deleted(
    around: Surroundings, header: str
) -> None:
    photo = new_id()
    around.s3.put_object(Bucket=BUCKET, Key=upload_key(photo), Body=b"photo", Metadata={"form-filename": header})
    around.wait(PATIENCE_MINUTES + 1)
    assert around.sweeper.run().registered_images == 1
    assert images.delete(around.connection, photo)


def test_a_topic_that_is_away_costs_one_photo_one_chance(around: Surroundings) -> None:
    for _ in range(3):
        around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    topic = os.environ["TOPIC_ARN"]
    boto3.client("sns").delete_topic(TopicArn=topic)
    with pytest.raises(ClientError):
        around.sweeper.run()
    boto3.client("sns").create_topic(Name="uploads")
    assert around.sweeper.run().resent_images == 2


def test_the_report_is_one_line_with_numbers_of_its_own(around: Surroundings, caplog: pytest.LogCaptureFixture) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    caplog.set_level(logging.INFO)
    around.sweeper.run()
    (record,) = [record for record in caplog.records if hasattr(record, "pending_images")]
    report = vars(record)
    assert (report["pending_images"], report["failed_images"]) == (1, 0)
    assert 0 <= report["oldest_pending_seconds"] - 60 * (PATIENCE_MINUTES + 1) < 60
    assert (report["registered_images"], report["resent_images"], report["given_up_images"]) == (1, 1, 0)
    assert any(getattr(record, "image_id", None) == photo for record in caplog.records)


def test_the_function_reads_its_environment_once(around: Surroundings) -> None:
    photo = around.upload()
    around.wait(PATIENCE_MINUTES + 1)
    around.sweeper.run()
    around.announced()
    around.wait(RESEND_MINUTES + 1)
    handle({"source": "aws.events"}, None)
    assert around.announced() == [upload_key(photo)]
    assert sweeper() is sweeper()


@pytest.mark.parametrize("variable", ["BUCKET_NAME", "TOPIC_ARN"])
def test_a_missing_variable_is_named(around: Surroundings, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(ConfigurationError, match=variable):
        handle({}, None)


def test_a_database_that_is_away_is_an_error(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_HOST", "127.0.0.1")
    monkeypatch.setenv("DATABASE_PORT", "1")
    with pytest.raises(DatabaseUnavailableError):
        handle({}, None)
