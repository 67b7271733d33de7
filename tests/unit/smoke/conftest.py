"""A fake gallery with one picture, whose responses tests can replace; tests/integration uses a real one."""

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
import trustme

from smoke import picture
from support import http_server
from thumbnail.resize import resize

IMAGE_ID = "01a214da-8d08-75c5-b199-0a05d0dc3bc6"
IMAGE = f"/api/images/{IMAGE_ID}"
JSON = "application/json"


@dataclass
class Answer:
    """The response to a request."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


SILENCE = Answer(0)
"""No response: the connection is closed."""


class OnePictureGallery(ThreadingHTTPServer):
    """Responds like the gallery, from form to deletion; `spoiled` replaces responses, by method and path."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.spoiled: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.uploaded: dict[str, Any] | None = None
        self.image: dict[str, Any] = {
            "id": IMAGE_ID,
            "width": picture.WIDTH,
            "height": picture.HEIGHT,
            "content_type": "image/png",
            "thumbnail": {"status": "ready", "reason": None, "url": f"{self.url}/thumbnail?signature=secret"},
            "annotation": {"status": "ready", "reason": None, "caption": "A sun.", "alt_text": "Sun", "tags": ["sun"]},
        }
        self.allowed_origin = self.url

    def answer(self, request: str, body: bytes) -> Answer:
        """Return the response to a request, such as `GET /readyz`."""
        match request:
            case "GET /readyz":
                return _json({"status": "ok"})
            case "GET /healthz":
                return _json({"status": "ok", "version": "1.2.3"})
            case "POST /api/uploads":
                self.uploaded = json.loads(body)
                return _json({"id": IMAGE_ID, "url": f"{self.url}/bucket", "fields": {"key": "uploads/1"}})
            case "POST /bucket":
                return Answer(204, headers={"Access-Control-Allow-Origin": self.allowed_origin})
        if request == f"DELETE {IMAGE}":
            self.uploaded = None
            return Answer(204)
        if self.uploaded is None:
            return Answer(404)
        if request in (f"PUT {IMAGE}", f"GET {IMAGE}"):
            return _json(self.image | {"bytes": self.uploaded["bytes"]})
        if request == "GET /thumbnail":
            return Answer(200, resize(picture.draw(self.uploaded["filename"])).webp)
        return Answer(200, f'<a href="/images/{IMAGE_ID}">'.encode())


class _Handler(http_server.Request):
    server: OnePictureGallery
    protocol_version = "HTTP/1.1"

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = f"{self.command} {self.path.partition('?')[0]}"
        self.server.requests.append(request)
        answer = self.server.spoiled.get(request) or self.server.answer(request, body)
        if answer is SILENCE:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_DELETE = handle_request  # noqa: N815 - names of http.server


def _json(content: dict[str, Any], status: int = 200) -> Answer:
    return Answer(status, json.dumps(content).encode(), {"Content-Type": JSON})


@pytest.fixture
def running() -> Iterator[OnePictureGallery]:
    """Run the gallery."""
    with http_server.running(OnePictureGallery()) as gallery:
        yield gallery


@pytest.fixture
def unknown_authority() -> ssl.SSLContext:
    """Return the TLS settings of a server with a certificate of an unknown authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context
