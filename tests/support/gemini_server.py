"""A loopback server that speaks the REST protocol of the Gemini API's generateContent.

It checks requests as the API does and tells in its caption how large the picture was, so that a test sees the picture
arrive. A test may line up other replies. https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import base64
import io
import json
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from PIL import Image

INPUT_TOKENS = 620
OUTPUT_TOKENS = 41

_PATH = re.compile(r"/v1beta/models/([\w.-]+):generateContent")


@dataclass(frozen=True)
class Reply:
    """An HTTP response: JSON or other bytes, in one piece or one byte each `seconds_per_byte`."""

    status: int
    body: bytes
    delay_seconds: float = 0
    seconds_per_byte: float = 0
    headers: tuple[tuple[str, str], ...] = ()


DROP = Reply(0, b"")
"""The connection is closed without an answer."""


def answer(text: str, finish_reason: str = "STOP") -> Reply:
    """Return a reply in which the model says a text."""
    return finished(finish_reason, parts=[{"text": text}])


def description(caption: str, alt_text: str, tags: list[str]) -> Reply:
    """Return a reply in which the model follows the schema."""
    return answer(json.dumps({"caption": caption, "alt_text": alt_text, "tags": tags}))


def finished(finish_reason: str, parts: list[dict[str, Any]] | None = None) -> Reply:
    """Return a reply with one candidate; refusals have no parts."""
    content = {} if parts is None else {"content": {"role": "model", "parts": parts}}
    return _json(200, {"candidates": [{**content, "finishReason": finish_reason, "index": 0}], **_USAGE})


def blocked(reason: str) -> Reply:
    """Return a reply without candidates: the prompt was not accepted."""
    return _json(200, {"promptFeedback": {"blockReason": reason}, **_USAGE})


def failure(
    code: int,
    status: str,
    message: str,
    reason: str | None = None,
    *,
    retry_delay: object = None,
    retry_after: str | None = None,
) -> Reply:
    """Return an error as Google's APIs word it. https://google.aip.dev/193

    `retry_delay` is that of its RetryInfo, such as "7.5s"; `retry_after` the header, in seconds or as an HTTP date.
    """
    details: list[dict[str, object]] = []
    if reason:
        details.append({"@type": f"{_RPC}.ErrorInfo", "reason": reason, "domain": "googleapis.com"})
    if retry_delay is not None:
        details.append({"@type": f"{_RPC}.RetryInfo", "retryDelay": retry_delay})
    error = {"code": code, "message": message, "status": status, **({"details": details} if details else {})}
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return replace(_json(code, {"error": error}), headers=headers)


_RPC = "type.googleapis.com/google.rpc"


_USAGE = {
    "usageMetadata": {
        "promptTokenCount": INPUT_TOKENS,
        "candidatesTokenCount": OUTPUT_TOKENS,
        "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
    },
}


def _json(status: int, body: object) -> Reply:
    return Reply(status, json.dumps(body).encode())


@dataclass(frozen=True)
class Request:
    """What a client sent; `settings` is the generationConfig."""

    model: str
    api_key: str
    prompt: str
    picture: Image.Image
    settings: dict[str, Any]


class BadRequestError(Exception):
    """The API would not accept the request; carries its reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body.decode())
        self.reply = reply


@dataclass
class GeminiServer:
    """The server, in a thread of its own; use it in a `with` statement."""

    requests: list[Request] = field(default_factory=list)
    """Every request that the API would have accepted, in order."""

    def __post_init__(self) -> None:
        self._replies: deque[Reply] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply(self, *replies: Reply) -> None:
        """Line up the replies to the next requests; after them pictures are described again."""
        self._replies.extend(replies)

    def respond(self, path: str, api_key: str, body: bytes) -> Reply:
        """Check and keep a request, and return the reply."""
        try:
            request = _parse(path, api_key, body)
        except BadRequestError as error:
            return error.reply
        self.requests.append(request)
        if self._replies:
            return self._replies.popleft()
        size = "{} by {} pixels".format(*request.picture.size)
        return description(f"A photo of {size}.", f"Something seen in {size}.", ["photo", "test"])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                _send(self, server.respond(self.path, self.headers.get("x-goog-api-key", ""), body))

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        return Handler


def _send(connection: BaseHTTPRequestHandler, reply: Reply) -> None:
    time.sleep(reply.delay_seconds)
    if reply is DROP:
        connection.close_connection = True
        return
    try:
        connection.send_response(reply.status)
        connection.send_header("Content-Type", "application/json; charset=UTF-8")
        connection.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            connection.send_header(name, value)
        connection.end_headers()
        pieces = [reply.body[at : at + 1] for at in range(len(reply.body))] if reply.seconds_per_byte else [reply.body]
        for piece in pieces:
            connection.wfile.write(piece)
            time.sleep(reply.seconds_per_byte)
    except ConnectionError:
        connection.close_connection = True  # the client went away, as a test of time-outs wants it


def _parse(path: str, api_key: str, body: bytes) -> Request:
    match = _PATH.fullmatch(path)
    if not match:
        raise BadRequestError(failure(404, "NOT_FOUND", f"Requested entity was not found: {path}"))
    if not api_key:
        raise BadRequestError(failure(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers."))
    try:
        content = json.loads(body)
        settings = content["generationConfig"]
        parts = content["contents"][0]["parts"]
        data = next(part["inlineData"]["data"] for part in parts if "inlineData" in part)
        # Both alphabets of base64 are accepted; the SDK uses the one for URLs.
        picture = Image.open(io.BytesIO(base64.b64decode(data.replace("-", "+").replace("_", "/"), validate=True)))
        picture.load()
        prompt = next(part["text"] for part in parts if "text" in part)
        if settings["responseMimeType"] != "application/json" or "properties" not in settings["responseJsonSchema"]:
            raise ValueError("no structured output was asked for")
    except (KeyError, IndexError, ValueError, OSError, StopIteration) as error:
        raise BadRequestError(failure(400, "INVALID_ARGUMENT", f"* GenerateContentRequest: {error!r}")) from error
    return Request(match[1], api_key, prompt, picture, settings)
