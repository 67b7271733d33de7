"""Sockets in the network namespace of another process: a relay, and the instance metadata service."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Create sockets in the network namespace of a process; they stay in it.

    https://man7.org/linux/man-pages/man2/setns.2.html
    """
    with Path("/proc/thread-self/ns/net").open("rb") as own, Path(f"/proc/{pid}/ns/net").open("rb") as other:
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Relay:
    """Forwards connections from a port in another network namespace."""

    def __init__(self, pid: int, port: int, connect: Callable[[], socket.socket]) -> None:
        """Listen on a loopback port in the network namespace of a process; `connect` connects to the server."""
        self._connect = connect
        with network_of(pid):
            self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop accepting connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                caller, _ = self._listener.accept()
                threading.Thread(target=_pass_on, args=(caller, self._connect()), daemon=True).start()


def _pass_on(caller: socket.socket, server: socket.socket) -> None:
    with caller, server:
        answers = threading.Thread(target=_copy, args=(server, caller), daemon=True)
        answers.start()
        _copy(caller, server)
        answers.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class MetadataService:
    """The instance metadata service, version 2 only: it returns the role's credentials to callers with a token.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    """

    ADDRESS = "169.254.169.254"
    TOKEN = "a token of the metadata service"
    ROLE = "web"

    def __init__(self, pid: int) -> None:
        """Serve at the address that AWS uses, in the network namespace of a process."""
        with network_of(pid):
            self._server = ThreadingHTTPServer((self.ADDRESS, 80), _Metadata)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Metadata(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self._answer(200 if self.path == "/latest/api/token" else 404, MetadataService.TOKEN)

    def do_GET(self) -> None:
        credentials = f"/latest/meta-data/iam/security-credentials/{MetadataService.ROLE}"
        if self.headers["X-aws-ec2-metadata-token"] != MetadataService.TOKEN:
            self._answer(401)
        elif self.path == credentials:
            expiration = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
            keys = {"AccessKeyId": "test", "SecretAccessKey": "test", "Token": "test", "Expiration": expiration}
            self._answer(200, json.dumps({"Code": "Success", "Type": "AWS-HMAC", **keys}))
        elif self.path == credentials.removesuffix(MetadataService.ROLE):
            self._answer(200, MetadataService.ROLE)
        else:
            self._answer(404)

    def _answer(self, status: int, text: str = "") -> None:
        self.send_response(status)
        self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass
