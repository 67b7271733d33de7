"""Database access for searches and other statements that read many rows, which must not slow down pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from catalog.database import Database, DatabaseSettings, StatementTimeoutError

STATEMENT_SECONDS = 3.0
"""How long a statement of a search may take."""

MAX_SEARCHES = 2
"""One search runs and one waits. Two of gunicorn's threads remain, one of which may be probing the database."""


TOO_LONG = "This took too long. Search for longer or less common words, or select fewer photos."


class SearchUnavailableError(Exception):
    """A search cannot run now, or took too long. The message tells people what to do."""


class SearchDatabase(Database):
    """A separate connection for one search at a time.

    A server may continue a full-text search after its client disconnected, or even after a KILL (MariaDB 10.11). So
    each search holds a lock until its session ends, and no search starts while an abandoned one still runs.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        """Remember the settings; the connection is opened on demand."""
        super().__init__(settings, 1, STATEMENT_SECONDS)
        self._lock = f"search:{uuid4()}"
        self._slots = threading.BoundedSemaphore(MAX_SEARCHES)

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend the connection once the previous search has ended.

        Raises:
            ConfigurationError, DatabaseUnavailableError: as `Database.connection` does.
            SearchUnavailableError: another search waits already, an abandoned one still runs, or this one timed out.
        """
        if not self._slots.acquire(blocking=False):
            raise SearchUnavailableError("Another search is running. Please try again in a moment.")
        try:
            with super().connection() as connection:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT GET_LOCK(%s, 0)", (self._lock,))
                    if cursor.fetchone() != (1,):
                        raise SearchUnavailableError("A slow search is still running. Please try again in a minute.")
                yield connection
        except StatementTimeoutError as error:
            raise SearchUnavailableError(TOO_LONG) from error
        finally:
            self._slots.release()
