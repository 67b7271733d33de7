"""Sends requests as fast as they are answered: `python -m benchmarks.load PORT PATH CLIENTS SECONDS`.

A process of its own without an HTTP library, so that it needs a small part of the time that an answer takes. Each
client keeps its connection, and sends its next request when it has received the answer.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass

_RECEIVE_BYTES = 1 << 18


@dataclass
class Client:
    """A connection, and the part of the answer that has arrived."""

    connection: socket.socket
    received: bytes = b""
    total_bytes: int = 0
    """The length of the whole answer; 0 until it is known."""

    def receive(self) -> int:
        """Receive a part of the answer; return the bytes of its body once it is complete, before that 0."""
        part = self.connection.recv(_RECEIVE_BYTES)
        if not part:
            raise ConnectionError("the server closed the connection")
        self.received += part
        if not self.total_bytes and (end := self.received.find(b"\r\n\r\n")) >= 0:
            status, *headers = self.received[:end].decode().split("\r\n")
            if " 200 " not in status:
                raise ConnectionError(status)
            lengths = [line.partition(":")[2] for line in headers if line.lower().startswith("content-length:")]
            self.total_bytes = end + 4 + int(lengths[0])
        if not self.total_bytes or len(self.received) < self.total_bytes:
            return 0
        body_bytes = self.total_bytes - self.received.find(b"\r\n\r\n") - 4
        self.received, self.total_bytes = b"", 0
        return body_bytes


def send(port: int, path: str, clients: int, seconds: float) -> dict[str, float]:
    """Send requests for a time; return the answers per second, the bytes of a body, and the part of one processor."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            client = Client(socket.create_connection(("127.0.0.1", port), timeout=30))
            selector.register(client.connection, selectors.EVENT_READ, client)
            client.connection.sendall(request)
        answers = body_bytes = 0
        began, worked = time.monotonic(), time.process_time()
        while (elapsed := time.monotonic() - began) < seconds:
            for key, _ in selector.select(timeout=1):
                if received := key.data.receive():
                    answers, body_bytes = answers + 1, received
                    key.data.connection.sendall(request)
        for key in list(selector.get_map().values()):
            key.data.connection.close()
    return {
        "rate": answers / elapsed,
        "body_bytes": body_bytes,
        "load": (time.process_time() - worked) / elapsed,
    }


if __name__ == "__main__":
    port, path, clients, seconds = sys.argv[1:]
    sys.stdout.write(json.dumps(send(int(port), path, int(clients), float(seconds))))
