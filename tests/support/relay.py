"""Forwards TCP connections to a server that listens elsewhere."""

import selectors
import socket
import socketserver
from contextlib import suppress

Target = str | tuple[str, int]
"""The path of a unix socket, or host and port."""


class Relay(socketserver.ThreadingTCPServer):
    """Listens on a loopback port; `http_server.running` runs it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, target: Target, port: int = 0) -> None:
        """Listen on a port, by default a free one."""
        super().__init__(("127.0.0.1", port), _Connection)
        self.target = target
        self.port: int = self.socket.getsockname()[1]


class _Connection(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        target = self.server.target
        family = socket.AF_UNIX if isinstance(target, str) else socket.AF_INET
        with suppress(OSError), socket.socket(family) as behind, selectors.DefaultSelector() as ready:
            behind.connect(target)
            ready.register(self.request, selectors.EVENT_READ, behind)
            ready.register(behind, selectors.EVENT_READ, self.request)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)
