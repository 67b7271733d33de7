"""Database access for statements that read many photos, which must not slow down pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from catalog.database import Database, DatabaseSettings, SlowStatementError

STATEMENT_SECONDS = 3.0
"""How long one of these statements may take."""

MAX_STATEMENTS = 2
"""One runs and one waits. Two of gunicorn's threads remain, one of which may be probing the database."""


class BulkUnavailableError(Exception):
    """Too many photos would be read, or others are being read. The message tells people what to do."""


class BulkDatabase(Database):
    """A separate connection, for one statement at a time."""

    def __init__(self, settings: DatabaseSettings) -> None:
        """Remember the settings; the connection is opened on demand."""
        super().__init__(settings, 1, STATEMENT_SECONDS)
        self._slots = threading.BoundedSemaphore(MAX_STATEMENTS)

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend the connection once the previous statement has ended.

        Raises:
            ConfigurationError, DatabaseUnavailableError: as `Database.connection` does.
            BulkUnavailableError: another statement waits already, or this one took too long.
        """
        if not self._slots.acquire(blocking=False):
            raise BulkUnavailableError("Other photos are being counted. Please try again in a moment.")
        try:
            with super().connection() as connection:
                yield connection
        except SlowStatementError as error:
            raise BulkUnavailableError("This took too long. Select fewer photos.") from error
        finally:
            self._slots.release()
