"""The catalogue as people wait for it: a database that hangs must not hold the whole process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from catalog.database import Database, DatabaseSettings, DatabaseUnavailableError, StatementTimeoutError

CONNECTIONS = 4
"""As many as gunicorn's threads: more would idle, fewer would queue."""

STATEMENT_SECONDS = 3.0
"""How long a statement of a page may take."""

SEARCH_SECONDS = 3.0
"""How long a statement of a search may take."""

SEARCHES = 2
"""One search runs and one waits: two threads are left, one of which may be asking a silent database."""

HANGS_SECONDS = 1.0
"""A failure that took longer than this was no refusal, but silence."""


class ImpatientDatabase(Database):
    """While the database is silent, one request at a time finds out whether it answers again; the others fail at once.

    Otherwise all threads would wait for it, the load balancer would get no answer from /healthz either, and the Auto
    Scaling group would replace an instance that lacks nothing.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        """Remember where the database is; nothing is opened yet."""
        super().__init__(settings, CONNECTIONS, STATEMENT_SECONDS)
        self._silent = False
        self._asking = threading.Lock()

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend a connection.

        Raises:
            ConfigurationError: the file of authorities cannot be used.
            DatabaseUnavailableError: no connection could be made, it broke while in use, or it would hang.
        """
        asking = self._silent
        if asking and not self._asking.acquire(blocking=False):
            raise DatabaseUnavailableError("the database has been silent, and another request is asking it")
        began = time.monotonic()
        try:
            with super().connection() as connection:
                yield connection
            self._silent = False
        except DatabaseUnavailableError:
            self._silent = time.monotonic() - began > HANGS_SECONDS
            raise
        finally:
            if asking:
                self._asking.release()


class SearchUnavailableError(Exception):
    """A search cannot be made now, or took too long; the message tells people what to do."""


class SearchDatabase(Database):
    """A connection of its own for one search at a time, so that slow searches keep no page waiting.

    A server may go on with a full-text search whose client hung up, even one that was killed (MariaDB 10.11). So each
    search holds a lock that ends with the session, and none begins while an abandoned one still runs.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        """Remember where the database is; nothing is opened yet."""
        super().__init__(settings, 1, SEARCH_SECONDS)
        self._lock = f"search:{uuid4()}"
        self._places = threading.BoundedSemaphore(SEARCHES)

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend the connection, as soon as the search before has ended.

        Raises:
            ConfigurationError, DatabaseUnavailableError: as `Database.connection` does.
            SearchUnavailableError: others wait for it already, an abandoned search still runs, or this one took too
                long.
        """
        if not self._places.acquire(blocking=False):
            raise SearchUnavailableError("Another search is running. Please try again in a moment.")
        try:
            with super().connection() as connection:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT GET_LOCK(%s, 0)", (self._lock,))
                    if cursor.fetchone() != (1,):
                        raise SearchUnavailableError("A slow search is still running. Please try again in a minute.")
                yield connection
        except StatementTimeoutError as error:
            raise SearchUnavailableError("This search took too long. Try longer or rarer words.") from error
        finally:
            self._places.release()
