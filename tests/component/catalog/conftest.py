"""Fixtures for the tests of the catalog."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from catalog import images
from catalog.bucket import Bucket
from catalog.database import Database
from catalog.uploads import Upload
from catalog_functions.announcer import Announcer
from catalog_functions.sweep import tasks
from catalog_functions.sweeper import Sweeper
from catalog_functions.topic import Topic
from support.catalog_rows import an_upload
from support.lambda_context import fresh_process
from support.sweep_world import BUCKET, World


@pytest.fixture
def connection(database: Database) -> Iterator[Any]:
    """Connect to an empty catalog as the application's user."""
    with database.connection() as connection:
        yield connection


@pytest.fixture
def later(connection: Any) -> Callable[[int], None]:
    """Return a function that lets minutes pass: it moves all times in the catalog into the past."""

    def pass_time(minutes: int) -> None:
        moments = {
            "image": ("uploaded_at", "pending_since", "resent_at", "claimed_until", "annotate_at", "reannotated_at"),
            "annotation_pause": ("since", "next_attempt", "probe_until"),
            "annotation_request": ("requested_at",),
        }
        with connection.cursor() as cursor:
            for table, columns in moments.items():
                earlier = ", ".join(f"{column} = {column} - INTERVAL {minutes} MINUTE" for column in columns)
                cursor.execute(f"UPDATE {table} SET {earlier}")

    return pass_time


@pytest.fixture
def upload(connection: Any) -> Upload:
    """Register an upload of this moment."""
    upload = an_upload()
    images.register(connection, upload)
    return upload


@pytest.fixture
def world(
    database: Database, connection: Any, later: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Create the bucket, the topic with a subscriber, and what announces photos."""
    s3, sns, sqs = boto3.client("s3"), boto3.client("sns"), boto3.client("sqs")
    s3.create_bucket(Bucket=BUCKET)
    topic = sns.create_topic(Name="uploads")["TopicArn"]
    queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    monkeypatch.setenv("TOPIC_ARN", topic)
    announcements = Topic(sns, topic, BUCKET)
    sweeper = Sweeper(Bucket(BUCKET, s3), announcements, database)
    world = World(s3, sqs, queue, connection, later, sweeper, Announcer(announcements, database))
    for call in ("ListObjectsV2", "HeadObject"):
        s3.meta.events.register(f"after-call.s3.{call}", world.age)
    with fresh_process(tasks):
        yield world
