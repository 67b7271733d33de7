"""A circuit breaker for the database, so that a database that hangs does not block the whole process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from catalog.database import Database, DatabaseSettings, DatabaseUnavailableError, SlowStatementError

CONNECTIONS = 4
"""One for each of gunicorn's threads."""

STATEMENT_SECONDS = 2.5
"""How long a statement of a page may take."""

SLOW_FAILURE_SECONDS = 1.0
"""A failure that took longer was a timeout, not a refused connection. It opens the circuit."""


class CircuitBreakerDatabase(Database):
    """While the database times out, only one request at a time probes it; all others fail immediately.

    Otherwise every thread would wait for the database. /healthz could not respond to the load balancer either, and the
    Auto Scaling group would replace a healthy instance.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        """Remember the settings; connections are opened on demand."""
        super().__init__(settings, CONNECTIONS, STATEMENT_SECONDS)
        self._is_open = False
        self._probe = threading.Lock()

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend a connection.

        Raises:
            ConfigurationError: the certificate authorities cannot be read.
            DatabaseUnavailableError: the connection failed or broke, or the circuit is open.
        """
        is_probe = self._is_open
        if is_probe and not self._probe.acquire(blocking=False):
            raise DatabaseUnavailableError("the database timed out before, and another request is probing it")
        began = time.monotonic()
        try:
            with super().connection() as connection:
                yield connection
            self._is_open = False
        except SlowStatementError:  # the server is alive
            raise
        except DatabaseUnavailableError:
            self._is_open = time.monotonic() - began > SLOW_FAILURE_SECONDS
            raise
        finally:
            if is_probe:
                self._probe.release()
