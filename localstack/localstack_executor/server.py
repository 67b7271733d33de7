"""LocalStack's own server, on the address of GATEWAY_LISTEN only."""

from __future__ import annotations

from functools import partial
from typing import Any

from localstack.runtime.server import twisted


class LoopbackServer(twisted.TwistedRuntimeServer):  # type: ignore[misc] # LocalStack is in another environment
    """Listens on the given host; the stock server ignores it and listens on every address."""

    def register(self, gateway: Any, listen: Any, ssl_creds: Any = None) -> None:
        """Listen on the given address."""
        (address,) = listen
        anywhere = twisted.endpoints.TCP4ServerEndpoint
        twisted.endpoints.TCP4ServerEndpoint = partial(anywhere, interface=address.host)
        try:
            super().register(gateway, listen, ssl_creds)
        finally:
            twisted.endpoints.TCP4ServerEndpoint = anywhere
