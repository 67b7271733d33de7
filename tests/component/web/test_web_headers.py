"""Security headers of responses, and requests from other sites."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from support.gallery_photos import ANNOTATION, BUCKET


def policy(response: Any) -> dict[str, list[str]]:
    """Return the content security policy: sources by directive."""
    directives = (directive.split() for directive in response.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in directives}


PATHS = [
    "/",
    "/no-such-page",
    "/api/images",
    "/healthz",
    "/openapi.json",
    "/images/01920000-0000-7000-8000-000000000000",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_response_has_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert headers["Cache-Control"] in ("private, no-cache", "no-store")


def test_the_policy_allows_only_the_gallery_and_the_bucket(client: FlaskClient) -> None:
    ours = ["'self'", f"https://{BUCKET}.s3.amazonaws.com"]
    found = policy(client.get("/"))
    assert found["default-src"] == found["frame-ancestors"] == found["base-uri"] == ["'none'"]
    assert found["script-src"] == found["style-src"] == ["'self'"]
    assert found["connect-src"] == found["form-action"] == ours
    assert found["img-src"] == ["'self'", "data:", ours[1]]
    assert found["require-trusted-types-for"] == ["'script'"]


def test_strict_transport_security_is_sent_only_over_https(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/healthz").headers
    secure = client.get("/healthz", headers={"X-Forwarded-Proto": "https"})
    assert secure.headers["Strict-Transport-Security"] == "max-age=63072000"


OTHER_SITES = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", OTHER_SITES)
def test_other_sites_cannot_send_changes(client: FlaskClient, ready_photo: str, headers: dict[str, str]) -> None:
    path = f"/api/images/{ready_photo}"
    assert client.delete(path, headers=headers).status_code == 403
    assert client.patch(path, headers=headers, json={"caption": "x"}).status_code == 403
    assert client.post(f"{path}/retry", headers=headers).status_code == 403
    assert client.put(path, headers=headers).status_code == 403
    assert client.post("/uploads", headers=headers).status_code == 403
    assert client.get(path).json["annotation"]["caption"] == ANNOTATION.caption


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://localhost"}],
)
def test_the_gallery_and_programs_can_send_changes(
    client: FlaskClient, ready_photo: str, headers: dict[str, str]
) -> None:
    assert client.delete(f"/api/images/{ready_photo}", headers=headers).status_code == 204


def test_other_sites_can_link_to_the_gallery(client: FlaskClient) -> None:
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
