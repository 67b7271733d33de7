"""Statistics, counted at most once a minute, because they read the whole ledger."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from catalog import stats
from catalog.database import Database
from catalog.stats import Statistics

MAX_AGE_SECONDS = 60


class StatisticsCache:
    """Keeps the last statistics. Thread-safe."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember the database; nothing is counted yet."""
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: tuple[float, Statistics] | None = None

    def load(self) -> Statistics:
        """Return statistics that are at most MAX_AGE_SECONDS old.

        Raises:
            DatabaseUnavailableError, BulkUnavailableError: they could not be counted.
        """
        with self._lock:
            now = self._clock()
            if self._counted is None or now - self._counted[0] > MAX_AGE_SECONDS:
                with self._database.transaction() as connection:
                    self._counted = now, stats.read(connection)
            return self._counted[1]
