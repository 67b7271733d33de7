"""The sweep, which runs every 15 minutes, so that no photo stays pending forever.

Events can be lost: a function may fail more often than it is retried, or a topic may fail to deliver. The sweep
compares the bucket with the catalog. It registers uploads without a row or with an outdated one, announces overdue
photos again to both functions, which skip finished work, and gives up after some hours. `catalog.pending` defines
when.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from botocore.exceptions import BotoCoreError

from catalog import images, pending
from catalog.bucket import Bucket
from catalog.database import Database, DatabaseUnavailableError
from catalog_functions.topic import Topic

logger = logging.getLogger(__name__)

MAX_PHOTOS = 300
"""How many photos one run registers at most, and how many it announces again at most."""

LOOK_BACK = timedelta(days=35)
"""Maximum age of an upload that the sweep registers: that of the oldest backup in RDS.

After a restore, all later uploads lack a row.
"""

FAILED_WITHIN = timedelta(days=1)
"""Maximum age of a failed photo that is counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did."""

    registered_images: int
    resent_images: int
    given_up_images: int


class Sweeper:
    """Finds unfinished photos in one bucket and its catalog."""

    def __init__(self, bucket: Bucket, topic: Topic, database: Database) -> None:
        """Create a sweeper for all runs of this process."""
        self._bucket = bucket
        self._topic = topic
        self._database = database

    def run(self) -> Outcome:
        """Sweep once; idempotent, and safe to run concurrently.

        Raises:
            ExceptionGroup: some uploads could not be registered; everything else was done.
            catalog.database.DatabaseUnavailableError: the next run continues.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: AWS failed; the next run continues.
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
        """Register old uploads without an up-to-date row, and return how many."""
        registered = 0
        for image_id in islice(self._lost(), MAX_PHOTOS):
            try:
                registered += self._register(image_id)
            except (DatabaseUnavailableError, BotoCoreError):  # affects all uploads
                raise
            except Exception as error:
                logger.exception("an upload could not be registered", extra={"image_id": image_id})
                failures.append(error)
        return registered

    def _lost(self) -> Iterator[str]:
        now = datetime.now(UTC)
        for etags in self._bucket.upload_etags(now - LOOK_BACK, now - timedelta(minutes=pending.PATIENCE_MINUTES)):
            with self._database.connection() as connection:
                unknown = pending.unknown_ids(connection, etags)
            yield from unknown

    def _register(self, image_id: str) -> bool:
        upload = self._bucket.find_upload(image_id)
        if upload is None:
            return False  # deleted meanwhile
        with self._database.connection() as connection:
            image = images.register(connection, upload, is_settled=True)
        if image is None or image.etag != upload.etag:
            return False  # deleted meanwhile, or the catalog has a newer version
        logger.warning("registered a lost upload", extra={"image_id": image_id})
        return True

    def _send_overdue(self) -> tuple[int, int]:
        """Announce overdue photos again or give them up, and return how many of each."""
        resent = given_up = 0
        with self._database.connection() as connection:
            for photo in pending.overdue(connection, MAX_PHOTOS):
                if photo.retries_exhausted:
                    if pending.give_up(connection, photo):
                        given_up += 1
                        logger.error("gave up a photo", extra={"image_id": photo.id})
                # Count first: if counting failed after sending, a photo could be sent without end.
                elif pending.count_resending(connection, photo):
                    self._topic.announce(photo.id)
                    resent += 1
        return resent, given_up
