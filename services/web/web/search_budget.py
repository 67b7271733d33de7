"""How long a search may take: less while others run, so that no client can keep the others waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

ALONE_SECONDS = 1.0
SHARED_SECONDS = 0.1


class SearchBudget:
    """Counts the searches that run in this process. Thread-safe."""

    def __init__(self) -> None:
        """Begin without searches."""
        self._lock = threading.Lock()
        self._running = 0

    @contextmanager
    def share(self) -> Iterator[float]:
        """Count a search during the block, and give the seconds that it may take."""
        with self._lock:
            self._running += 1
            seconds = ALONE_SECONDS if self._running == 1 else SHARED_SECONDS
        try:
            yield seconds
        finally:
            with self._lock:
                self._running -= 1
