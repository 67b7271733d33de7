"""A loopback server that speaks the REST protocol of the Gemini API's generateContent.

It validates requests as the API does. Its captions contain the size of the picture, so that a test can recognise it.
A test can queue other replies. https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import base64
import io
import json
import re
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from PIL import Image

from support import http_server

INPUT_TOKENS = 620
OUTPUT_TOKENS = 41
RESPONSE_ID = "Zk3sabc_response-1"

_PATH = re.compile(r"/v1beta/models/([\w.-]+):generateContent")


@dataclass(frozen=True)
class Reply:
    """An HTTP response, sent at once or one byte every `seconds_per_byte`."""

    status: int
    body: bytes
    delay_seconds: float = 0
    seconds_per_byte: float = 0
    headers: tuple[tuple[str, str], ...] = ()


DROP = Reply(0, b"")
"""Closes the connection without a response."""


def answer(text: str, finish_reason: str = "STOP", **fields: object) -> Reply:
    """Return a reply with a text by the model; `fields` are further fields of the response."""
    return finished(finish_reason, parts=[{"text": text}], **fields)


def description(caption: str, alt_text: str, tags: list[str]) -> Reply:
    """Return a reply that follows the schema."""
    return answer(json.dumps({"caption": caption, "alt_text": alt_text, "tags": tags}))


def finished(finish_reason: str, parts: list[dict[str, Any]] | None = None, **fields: object) -> Reply:
    """Return a reply with one candidate; without parts the model has declined."""
    content = {} if parts is None else {"content": {"role": "model", "parts": parts}}
    return _json(200, {"candidates": [{**content, "finishReason": finish_reason, "index": 0}], **_COMMON, **fields})


def blocked(reason: str) -> Reply:
    """Return a reply without candidates, for a blocked prompt."""
    return _json(200, {"promptFeedback": {"blockReason": reason}, **_COMMON})


def failure(
    code: int,
    status: str,
    message: str,
    reason: str | None = None,
    *,
    retry_delay: object = None,
    retry_after: str | None = None,
    quotas: Sequence[str] = (),
) -> Reply:
    """Return an error in the format of Google's APIs. https://google.aip.dev/193

    `retry_delay` is the delay in its RetryInfo, such as "7.5s"; `retry_after` is the header: seconds or an HTTP date.
    `quotas` are the ids of the quotas in its QuotaFailure.
    """
    details: list[dict[str, object]] = []
    if reason:
        details.append({"@type": f"{_RPC}.ErrorInfo", "reason": reason, "domain": "googleapis.com"})
    if quotas:
        metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
        violations = [{"quotaMetric": metric, "quotaId": quota, "quotaValue": "20"} for quota in quotas]
        details.append({"@type": f"{_RPC}.QuotaFailure", "violations": violations})
    if retry_delay is not None:
        details.append({"@type": f"{_RPC}.RetryInfo", "retryDelay": retry_delay})
    error = {"code": code, "message": message, "status": status, **({"details": details} if details else {})}
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return replace(_json(code, {"error": error}), headers=headers)


_RPC = "type.googleapis.com/google.rpc"
_COMMON = {
    "responseId": RESPONSE_ID,
    "usageMetadata": {
        "promptTokenCount": INPUT_TOKENS,
        "candidatesTokenCount": OUTPUT_TOKENS,
        "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
    },
}


def _json(status: int, body: object) -> Reply:
    return Reply(status, json.dumps(body).encode())


OVERLOADED = failure(503, "UNAVAILABLE", "The model is overloaded.")
BAD_KEY = failure(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID")


@dataclass(frozen=True)
class Request:
    """A request of a client: its system instruction, the user's text and picture, and its generationConfig."""

    model: str
    api_key: str
    instruction: str
    text: str
    picture: Image.Image
    settings: dict[str, Any]


@dataclass
class GeminiServer:
    """The server, in a thread of its own; use it in a `with` statement."""

    requests: list[Request] = field(default_factory=list)
    """Every valid request, in order."""

    def __post_init__(self) -> None:
        server = self

        class Handler(http_server.Request):
            def do_POST(self) -> None:  # noqa: N802 - a name of http.server
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.send(self, server.respond(self.path, self.headers.get("x-goog-api-key", ""), body))

        self._replies: deque[Reply] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._stack = ExitStack()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._stack.enter_context(http_server.running(self._server))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def reply(self, *replies: Reply) -> None:
        """Queue the replies to the next requests; afterwards pictures are described again."""
        self._replies.extend(replies)

    def forget_replies(self) -> None:
        """Describe pictures again."""
        self._replies.clear()

    def respond(self, path: str, api_key: str, body: bytes) -> Reply:
        """Validate and keep a request, and return the reply."""
        request = _parse(path, api_key, body)
        if isinstance(request, Reply):
            return request
        self.requests.append(request)
        return self.choose(request)

    def choose(self, request: Request) -> Reply:
        """Return the reply to a valid request."""
        if self._replies:
            return self._replies.popleft()
        size = "{} by {} pixels".format(*request.picture.size)
        return description(f"A photo of {size}.", f"Something seen in {size}.", ["photo", "test"])

    def send(self, connection: BaseHTTPRequestHandler, reply: Reply) -> None:
        """Send a reply after its delay."""
        time.sleep(reply.delay_seconds)
        if reply.status == DROP.status:
            connection.close_connection = True
            return
        try:
            self.send_headers(connection, reply)
            step = 1 if reply.seconds_per_byte else max(1, len(reply.body))
            for start in range(0, len(reply.body), step):
                connection.wfile.write(reply.body[start : start + step])
                time.sleep(reply.seconds_per_byte)
        except ConnectionError:
            connection.close_connection = True  # the client gave up, as tests of timeouts expect

    def send_headers(self, connection: BaseHTTPRequestHandler, reply: Reply) -> None:
        """Send the status line and the headers of a reply."""
        connection.send_response(reply.status)
        connection.send_header("Content-Type", "application/json; charset=UTF-8")
        connection.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            connection.send_header(name, value)
        connection.end_headers()


def _parse(path: str, api_key: str, body: bytes) -> Request | Reply:
    """Return the request, or the error with which the API rejects it."""
    match = _PATH.fullmatch(path)
    if not match:
        return failure(404, "NOT_FOUND", f"Requested entity was not found: {path}")
    if not api_key:
        return failure(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
    try:
        content = json.loads(body)
        settings = content["generationConfig"]
        parts = content["contents"][0]["parts"]
        data = next(part["inlineData"]["data"] for part in parts if "inlineData" in part)
        # The API accepts both alphabets of base64; the SDK uses the URL-safe one.
        picture = Image.open(io.BytesIO(base64.b64decode(data.replace("-", "+").replace("_", "/"), validate=True)))
        picture.load()
        text = next(part["text"] for part in parts if "text" in part)
        # The API accepts both spellings.
        system = content["systemInstruction"] if "systemInstruction" in content else content["system_instruction"]
        instruction = "".join(part["text"] for part in system["parts"])
        if settings["responseMimeType"] != "application/json" or "properties" not in settings["responseJsonSchema"]:
            raise ValueError("the request does not ask for structured output")
    except (KeyError, IndexError, ValueError, OSError, StopIteration) as error:
        return failure(400, "INVALID_ARGUMENT", f"* GenerateContentRequest: {error!r}")
    return Request(match[1], api_key, instruction, text, picture, settings)
