"""Compression of text responses."""

import gzip
import re

import pytest
from flask.testing import FlaskClient

GZIP = {"Accept-Encoding": "gzip, br"}


@pytest.mark.parametrize("path", ["/", "/openapi.json"])
def test_text_is_compressed_for_clients_that_accept_gzip(client: FlaskClient, path: str) -> None:
    plain, small = client.get(path), client.get(path, headers=GZIP)
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert int(small.headers["Content-Length"]) == len(small.data) < len(plain.data)
    assert "Accept-Encoding" in small.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity"])
def test_other_clients_get_plain_text(client: FlaskClient, accepted: str) -> None:
    response = client.get("/", headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in response.headers
    assert response.text.startswith("<!doctype html>")


def test_small_responses_are_not_compressed(client: FlaskClient) -> None:
    assert client.get("/readyz", headers=GZIP).json == {"status": "ok"}


def test_scripts_are_compressed(client: FlaskClient) -> None:
    (script,) = re.findall(r'"(/static/[^"]+/upload\.js)"', client.get("/").text)
    with client.get(script, headers=GZIP) as response:
        assert b"export class Uploads" in gzip.decompress(response.data)


def test_an_unchanged_response_is_not_sent_again(client: FlaskClient) -> None:
    etag = client.get("/api/images").headers["ETag"]
    assert client.get("/api/images", headers={"If-None-Match": etag, **GZIP}).status_code == 304
