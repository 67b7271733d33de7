"""Announces photos of the queue, every minute: see `catalog.queue`."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from catalog import pause, queue
from catalog.database import Database
from catalog_functions.topic import Topic

logger = logging.getLogger(__name__)

MAX_PHOTOS = 60
"""How many photos one run announces at most: the rate, per minute, at which the queue drains."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What one run did; `annotation_paused` is 1 during a pause. The log line's numbers become metrics."""

    annotation_paused: int
    queued_images: int
    announced_images: int


class Announcer:
    """Announces photos of the queue, unless annotation is paused; then only one, when the next attempt is due."""

    def __init__(self, topic: Topic, database: Database, *, annotate_offline_photos: bool = False) -> None:
        """Create an announcer for all runs of this process.

        Args:
            topic: where to announce photos.
            database: the catalog.
            annotate_offline_photos: whether to fill the queue with photos that the offline tagger annotated.
        """
        self._topic = topic
        self._database = database
        self._annotate_offline_photos = annotate_offline_photos

    def run(self) -> Announced:
        """Announce up to MAX_PHOTOS photos; safe to repeat, because functions skip finished work.

        Raises:
            catalog.database.DatabaseUnavailableError: the next run continues.
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SNS failed; the next run continues.
        """
        with self._database.connection() as connection:
            paused = pause.current(connection) is not None
            limit = MAX_PHOTOS if not paused else int(pause.is_probe_due(connection))
            due = queue.due(connection, limit)
            if self._annotate_offline_photos and not paused and not due:
                queue.annotate_offline_photos_again(connection, limit)
                due = queue.due(connection, limit)
            announced = 0
            for photo in due:
                # Count first: if counting failed after sending, a photo could be sent without end.
                if queue.count_announcing(connection, photo):
                    self._topic.announce(photo.id)
                    announced += 1
            outcome = Announced(int(paused), queue.size(connection), announced)
        logger.info("drained the queue", extra=asdict(outcome))
        return outcome
