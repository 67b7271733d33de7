"""Servers in a thread, for tests that fake an API."""

import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TypeVar

Server = TypeVar("Server", bound=socketserver.BaseServer)


class Request(BaseHTTPRequestHandler):
    """A request: `command` is the method, besides `path` and `headers`."""

    body: bytes

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(respond: Callable[[Request], tuple[int, bytes]]) -> Iterator[str]:
    """Serve on a free port of the loopback interface, and return the URL. `respond` returns status and body."""

    class Handler(Request):
        def handle_request(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = respond(self)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_request  # noqa: N815 - names of http.server

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Run a server in a thread until the end of the block."""
    with server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
