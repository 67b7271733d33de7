"""The catalogue as people wait for it: a database that hangs must not hold the whole process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from catalog.database import Database, DatabaseSettings, DatabaseUnavailableError

CONNECTIONS = 4
"""As many as gunicorn's threads: more would idle, fewer would queue."""

STATEMENT_SECONDS = 3.0
"""How long a statement may take: the slowest search of a million photos takes one second."""

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
