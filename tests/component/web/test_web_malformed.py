"""Malformed requests to the application in gunicorn never cause an internal error."""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from flask.testing import FlaskClient

from catalog import images
from catalog.database import Database
from catalog.uploads import Upload
from support.gunicorn_server import Server
from support.http_server import serving
from support.malformed_requests import CHANGES, ORIGINS, PHOTO, chunked, corpus, request


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    is_from_application: bool
    """Whether the application responded; gunicorn itself rejects requests that it can't parse."""
    is_json: bool
    text: str


def send(server: Server, sent: bytes) -> Answer:
    """Send a request and close the sending side."""
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # it has responded already
            pass
        received = b""
        while more := connection.recv(65536):
            received += more
    while received.startswith(b"HTTP/1.1 100"):
        _, _, received = received.partition(b"\r\n\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] (\d{3}) ", head)
    assert status, (sent[:200], received[:200])
    is_json = b"\r\nContent-Type: application/json\r\n" in head
    return Answer(int(status[1]), b"Content-Security-Policy" in head, is_json, body.decode(errors="replace"))


@pytest.fixture
def server(database: Database, serve: Callable[..., Server]) -> Iterator[Server]:
    """Run the application with a database and a fake AWS that has only one secret."""
    arn = os.environ["DATABASE_SECRET_ARN"]
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    with database.connection() as connection:
        images.register(connection, Upload(PHOTO, "kite.jpg", "image/jpeg", 1234, "e1", datetime.now(UTC)))

    responses = {"POST": (200, json.dumps({"SecretString": secret}).encode()), "HEAD": (404, b""), "DELETE": (204, b"")}
    address = {name: os.environ[name] for name in ("DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME")}
    with serving(lambda request: responses[request.command]) as url:
        yield serve(AWS_ENDPOINT_URL=url, DATABASE_SECRET_ARN=arn, **address)


def test_malformed_requests_never_cause_an_internal_error(server: Server) -> None:
    malformed = list(corpus())
    assert len(malformed) >= 1000
    with ThreadPoolExecutor(2) as clients:  # with more, concurrent searches could be rejected
        answers = list(clients.map(lambda sent: send(server, sent), malformed))
    for sent, answer in zip(malformed, answers, strict=True):
        # gunicorn returns 501 for an unknown Transfer-Encoding, as RFC 9112, section 6.1, requires.
        assert answer.status < 500 or (answer.status == 501 and b"Transfer-Encoding" in sent), (sent[:200], answer)
        if answer.is_from_application and answer.status >= 400 and re.match(rb"(?!HEAD)[A-Z]+ /api/", sent):
            assert answer.is_json, (sent[:200], answer)
            assert json.loads(answer.text)["error"]["message"]
    assert requests.get(f"{server.url}/readyz", timeout=30).status_code == 200
    assert requests.get(server.url, timeout=30).status_code == 200


def test_invalid_chunks_are_rejected(serve: Callable[..., Server]) -> None:
    server = serve()
    for line in CHANGES:
        for chunks in (
            b"x\r\n",
            b"-1\r\n",
            b"2\r\n{}",
            b"3\r\n{}\r\n0\r\n\r\n",
            b"2\r\n{}0\r\n\r\n",
            b"2\r\n{}\r\n0\r\nA",
        ):
            answer = send(server, chunked(line, chunks))
            assert (answer.status, answer.is_from_application) == (400, True), (line, chunks)


def test_an_incomplete_body_is_rejected(serve: Callable[..., Server]) -> None:
    server = serve()
    for line in CHANGES:
        assert send(server, request(line, b"Content-Length: 3\r\n", b"{}")).status == 400, line


@pytest.mark.parametrize(
    "host", ["", " ", ".", "..", "a..b", "a" * 64, "a b", "[::1", "a:x", "a:0", "a:65536", "a:80:80", "é"]
)
def test_a_malformed_host_is_rejected(client: FlaskClient, host: str) -> None:
    page, answer = client.get("/", headers={"Host": host}), client.get("/api/images", headers={"Host": host})
    assert page.status_code == answer.status_code == 400
    assert "Host header" in page.text
    assert "Host header" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "10.0.0.1", "[::1]:8080", "a" * 63, "xn--bcher-kva.example."]
)
def test_a_valid_host_is_accepted(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", [origin.decode("latin-1") for origin in ORIGINS if b"\0" not in origin])
def test_a_malformed_origin_is_rejected(client: FlaskClient, origin: str) -> None:
    assert client.post("/uploads", headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("body", ["[" * 80_000, '{"caption":' * 9000, '{"caption":"a","seen":' + "[" * 80_000])
def test_deeply_nested_json_is_rejected(client: FlaskClient, body: str) -> None:
    response = client.patch(f"/api/images/{PHOTO}", data=body, content_type="application/json")
    assert response.status_code == 400
    assert re.search("nested too deeply|not JSON", response.json["error"]["message"])
