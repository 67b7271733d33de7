"""A gunicorn worker that drains before it stops.

SIGTERM           /readyz fails. For DRAIN_SECONDS the worker still serves all requests, but closes each connection
                  after the response. Then it accepts no more connections and finishes current requests, all within
                  `graceful_timeout`.
SIGTERM again     ignored
SIGINT, SIGQUIT   stop immediately and abort current requests
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
    """How long a stopping process accepts connections, until load balancers have noticed."""

    drain_seconds: int = 0


class DrainingWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """A threaded worker that stops in two steps."""

    stopping = False
    """Whether this process is stopping; on the class, because a process has one worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Read the settings; raises ConfigurationError before any request is served."""
        super().__init__(*args, **kwargs)
        self._drain_seconds = DrainSettings.from_environ(os.environ).drain_seconds

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to stop. A signal handler can interrupt any code, so this uses no locks or threads."""
        if DrainingWorker.stopping:
            return
        DrainingWorker.stopping = True
        self.max_keepalived = 0  # sends "Connection: close" from now on
        if self._drain_seconds > 0:
            signal.signal(signal.SIGALRM, super().handle_exit)
            signal.alarm(self._drain_seconds)
        else:
            super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop accepting connections. At the end, accept those in the backlog and refuse later ones.

        gunicorn keeps the socket open until the last request is done. Connections that joined the backlog meanwhile
        would be reset without a response.
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
