"""Lambda function that runs every quarter of an hour, so that no photo stays pending for ever.

Events can be lost: a function may fail more often than it is tried, a topic may be unable to deliver. The bucket and
the catalogue tell what is still to be done. The sweep makes a row for each upload that has none or that of an older
file, announces what is overdue again to both functions, which skip what they have done, and after some hours gives up.
`catalog.pending` says when.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from catalog import images, pending
from catalog.database import Database, DatabaseSettings, DatabaseUnavailableError
from catalog.uploads import UPLOADS, StoredObject, Upload, image_id, lowest_id, notification, upload_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

logger = logging.getLogger(__name__)
logging.getLogger().setLevel(logging.INFO)

AWS_CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})

MAX_PHOTOS = 300
"""How many photos one run registers, and how many it sends again, at the most."""

LOOK_BACK = timedelta(days=35)
"""How old an upload without a row may be and still be found: as old as the oldest backup that RDS keeps.

After a restore all uploads since then have none.
"""

FAILED_WITHIN = timedelta(days=1)
"""How long a photo that failed counts."""


@dataclass(frozen=True, kw_only=True)
class SweepSettings(DatabaseSettings):
    """Where photos are, and the topic that announces them. The database user is the application's."""

    bucket_name: str
    topic_arn: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did."""

    registered_images: int
    resent_images: int
    given_up_images: int


def handle(event: object, context: object) -> None:
    """Sweep once, and report in one line of the log, whose numbers become metrics.

    Raises:
        ConfigurationError: the environment lacks a variable.
        ExceptionGroup: some uploads could not be registered; everything else was done.
        catalog.database.DatabaseUnavailableError: the next run goes on.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: AWS does not serve us; the next run goes on.
    """
    sweeper().run()


@cache
def sweeper() -> Sweeper:
    """Return the one of this process, configured by the environment on first use."""
    settings = SweepSettings.from_environ(os.environ)
    s3, sns = boto3.client("s3", config=AWS_CONFIG), boto3.client("sns", config=AWS_CONFIG)
    return Sweeper(settings, s3, sns, Database(settings))


class Sweeper:
    """Finds what was left undone in one bucket and its catalogue."""

    def __init__(self, settings: SweepSettings, s3: S3Client, sns: SNSClient, database: Database) -> None:
        """Keep what all runs have in common."""
        self._settings = settings
        self._s3 = s3
        self._sns = sns
        self._database = database

    def run(self) -> Outcome:
        """Sweep once. Safe to repeat, and to run twice at a time.

        Raises:
            ExceptionGroup: some uploads could not be registered; everything else was done.
            catalog.database.DatabaseUnavailableError: the next run goes on.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: AWS does not serve us.
        """
        failures: list[Exception] = []
        registered = self._register_lost(failures)
        resent, given_up = self._send_overdue()
        outcome = Outcome(registered, resent, given_up)
        with self._database.connection() as connection:
            backlog = pending.backlog(connection, datetime.now(UTC) - FAILED_WITHIN)
        logger.info("swept", extra=asdict(backlog) | asdict(outcome))
        if failures:
            raise ExceptionGroup("some uploads could not be registered", failures)
        return outcome

    def _register_lost(self, failures: list[Exception]) -> int:
        """Register uploads that have had no row for too long, or that of an older file; return how many there were."""
        registered = 0
        for photo in islice(self._lost(), MAX_PHOTOS):
            try:
                registered += self._register(photo)
            except (DatabaseUnavailableError, BotoCoreError):  # not only of this one
                raise
            except Exception as error:
                logger.exception("an upload could not be registered", extra={"image_id": photo})
                failures.append(error)
        return registered

    def _lost(self) -> Iterator[str]:
        now = datetime.now(UTC)
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._settings.bucket_name, Prefix=UPLOADS, StartAfter=upload_key(lowest_id(now - LOOK_BACK))
        )
        for page in pages:
            old_enough = {
                photo: stored["ETag"].strip('"')
                for stored in page.get("Contents", [])
                if now - stored["LastModified"] > timedelta(minutes=pending.PATIENCE_MINUTES)
                and (photo := image_id(stored["Key"]))
            }
            with self._database.connection() as connection:
                unknown = pending.unknown_ids(connection, old_enough)
            yield from unknown

    def _register(self, photo: str) -> bool:
        try:
            found = self._s3.head_object(Bucket=self._settings.bucket_name, Key=upload_key(photo))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False  # deleted meanwhile
            raise
        upload = Upload.from_object(photo, found)
        with self._database.connection() as connection:
            image = images.register(connection, upload, is_settled=True)
        if image is None or image.etag != upload.etag:
            return False  # deleted meanwhile, or the catalogue knows a newer one
        logger.warning("found an upload that nobody had registered", extra={"image_id": photo})
        return True

    def _send_overdue(self) -> tuple[int, int]:
        """Send overdue photos again or give them up, and return how many of each."""
        resent = given_up = 0
        with self._database.connection() as connection:
            for photo in pending.overdue(connection, MAX_PHOTOS):
                if photo.hopeless:
                    if pending.give_up(connection, photo):
                        given_up += 1
                        logger.error("gave up a photo", extra={"image_id": photo.id})
                # Counted first: a photo that is sent though the count failed could be sent without end.
                elif pending.count_resending(connection, photo):
                    self._send(photo.id)
                    resent += 1
        return resent, given_up

    def _send(self, photo: str) -> None:
        message = notification(StoredObject(self._settings.bucket_name, upload_key(photo)))
        self._sns.publish(TopicArn=self._settings.topic_arn, Message=message)
        logger.info("sent a photo again", extra={"image_id": photo})
