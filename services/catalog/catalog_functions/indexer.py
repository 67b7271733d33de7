"""Keeps the index of words complete, every minute: see `catalog.word_index`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from catalog import word_index
from catalog.database import Database

logger = logging.getLogger(__name__)

SECONDS = 25.0
"""How long one run begins new steps: with the announcements, it ends before the next minute's run."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one run did."""

    indexed_images: int
    counted_changes: int


class Indexer:
    """Indexes photos that an older release wrote, and counts the words of all photos."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        """Create an indexer for all runs of this process."""
        self._database = database
        self._clock = clock

    def run(self) -> Indexed:
        """Work in small transactions until everything is done or SECONDS are over; safe to run concurrently.

        Raises:
            catalog.database.DatabaseUnavailableError: the next run continues.
        """
        end = self._clock() + SECONDS
        totals = dict.fromkeys((word_index.index_outdated, word_index.count_words), 0)
        for step in totals:
            while self._clock() < end and (count := self._database.run(step, in_transaction=True)):
                totals[step] += count
        outcome = Indexed(*totals.values())
        logger.info("indexed words", extra=asdict(outcome))
        return outcome
