"""A gunicorn worker that says that it is about to stop before it stops.

SIGTERM           /readyz turns red, all is served as before for DRAIN_SECONDS, each answer ending its connection;
                  then nobody is let in any more and what was begun is finished, all within `graceful_timeout`
SIGTERM again     nothing
SIGINT, SIGQUIT   stops at once, breaking off what it was doing
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from catalog.settings import Settings


@dataclass(frozen=True, kw_only=True)
class DrainSettings(Settings):
    """How long a stopping process goes on accepting connections, for those who do not know yet."""

    drain_seconds: int = 0


class DrainingWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Threads that serve, and a stop in two steps."""

    stopping = False
    """Whether this process was asked to stop; of the class, because there is one worker in a process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Read the settings; raises ConfigurationError before anything is served."""
        super().__init__(*args, **kwargs)
        self._drain_seconds = DrainSettings.from_environ(os.environ).drain_seconds

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to stop. A signal's handler may interrupt anything, so this takes no lock and starts no thread."""
        if DrainingWorker.stopping:
            return
        DrainingWorker.stopping = True
        self.max_keepalived = 0  # from now on answers say "Connection: close"; open connections stay
        if self._drain_seconds > 0:
            signal.signal(signal.SIGALRM, super().handle_exit)
            signal.alarm(self._drain_seconds)
        else:
            super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop accepting; in the end, serve who is in the queue and turn away who comes later.

        gunicorn leaves the queue open until the last request is done: whoever joined it meanwhile would be cut off.
        """
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                while self._accept_waiting(listener):
                    pass
                listener.close()

    def _accept_waiting(self, listener: Any) -> bool:
        before = self.nr_conns
        self.accept(listener)
        return bool(self.nr_conns > before)
