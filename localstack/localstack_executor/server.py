"""LocalStack's own server, on the one address that GATEWAY_LISTEN names."""

from __future__ import annotations

from functools import partial
from typing import Any

from localstack.runtime.server import twisted


class LoopbackServer(twisted.TwistedRuntimeServer):  # type: ignore[misc] # LocalStack is in another environment
    """The stock server drops the host of an IPv4 address and listens on every one."""

    def register(self, gateway: Any, listen: Any, ssl_creds: Any = None) -> None:
        """Listen where `listen` says."""
        (address,) = listen
        anywhere = twisted.endpoints.TCP4ServerEndpoint
        twisted.endpoints.TCP4ServerEndpoint = partial(anywhere, interface=address.host)
        try:
            super().register(gateway, listen, ssl_creds)
        finally:
            twisted.endpoints.TCP4ServerEndpoint = anywhere
