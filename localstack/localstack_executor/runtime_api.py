"""The Lambda Runtime API on a port of the loopback: a runtime fetches invocations there and sends their results.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Literal

VERSION = "/2018-06-01/runtime"
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Invocation:
    """An event for a function. The deadline is in milliseconds since 1970."""

    request_id: str
    payload: bytes
    function_arn: str
    trace_id: str
    deadline: int


@dataclass(frozen=True)
class Message:
    """A message of a runtime: it waits for an invocation, or an invocation or the start of the function has ended."""

    kind: Literal["waiting", "response", "error", "init error", "exit"]
    body: bytes = b""
    request_id: str = ""


class RuntimeApi:
    """The server of one runtime, which runs in threads."""

    def __init__(self, messages: SimpleQueue[Message]) -> None:
        """Listen, and put the messages of the runtime into `messages`."""
        self._invocations: SimpleQueue[Invocation | None] = SimpleQueue()
        self._server = _Server(messages, self._invocations)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()

    def give(self, invocation: Invocation) -> None:
        """Send an invocation to the runtime, as soon as it asks for one."""
        self._invocations.put(invocation)

    def close(self) -> None:
        """Stop listening; a waiting runtime gets no answer."""
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, messages: SimpleQueue[Message], invocations: SimpleQueue[Invocation | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.messages = messages
        self.invocations = invocations


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the body of an answer waits 40 ms until its headers are acknowledged

    def do_GET(self) -> None:
        if self.path != f"{VERSION}/invocation/next":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.server.messages.put(Message("waiting"))
        invocation = self.server.invocations.get()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        self._answer(HTTPStatus.OK, invocation.payload, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ended = re.fullmatch(f"{VERSION}/invocation/([^/]+)/(response|error)", self.path)
        if self.path == f"{VERSION}/init/error":
            self.server.messages.put(Message("init error", body))
        elif ended is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        elif len(body) > MAX_RESPONSE_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            error = error_body("Function.ResponseSizeTooLarge", message)
            self.server.messages.put(Message("error", error, ended[1]))
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error)
            return
        else:
            self.server.messages.put(Message("response" if ended[2] == "response" else "error", body, ended[1]))
        self._answer(HTTPStatus.ACCEPTED, b'{"status":"OK"}')

    def _answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Do not log requests."""


def error_body(kind: str, message: str) -> bytes:
    """Return an error in the format of Lambda."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
