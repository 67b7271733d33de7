"""What people and programs see when something is wrong."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from catalog import migrate
from catalog.settings import ConfigurationError
from catalog.uploads import new_id
from web.app import create_app
from web.config import WebSettings


@pytest.fixture
def without_database(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    monkeypatch.setenv("DATABASE_HOST", "127.0.0.1")
    monkeypatch.setenv("DATABASE_PORT", str(port))
    return create_app().test_client()


@pytest.fixture
def without_bucket(app: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("BUCKET_NAME", "no-such-bucket")
    return create_app().test_client()


@pytest.fixture
def broken(app: Flask) -> FlaskClient:
    @app.get("/broken")
    @app.get("/api/broken")
    def broken() -> str:
        raise RuntimeError("a secret detail")

    return app.test_client()


@pytest.mark.parametrize("path", ["/", f"/images/{new_id()}"])
def test_a_page_without_a_database_says_when_to_come_back(without_database: FlaskClient, path: str) -> None:
    response = without_database.get(path)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "10"
    assert response.headers["Cache-Control"] == "no-store"
    assert "No photo is lost" in response.text
    assert "127.0.0.1" not in response.text


def test_the_api_without_a_database_says_so_in_json(without_database: FlaskClient) -> None:
    response = without_database.get("/api/images")
    assert response.status_code == 503
    assert response.json["error"]["code"] == "service_unavailable"
    assert response.headers["Retry-After"] == "10"


def test_uploads_can_start_without_a_database(without_database: FlaskClient) -> None:
    assert without_database.post("/uploads").status_code == 200


def test_a_storage_that_refuses_is_worth_another_try(without_bucket: FlaskClient) -> None:
    response = without_bucket.delete(f"/api/images/{new_id()}")
    assert response.status_code == 503
    assert "storage" in response.json["error"]["message"]


def test_the_process_is_healthy_but_not_ready_without_a_database(without_database: FlaskClient) -> None:
    assert without_database.get("/healthz").status_code == 200
    response = without_database.get("/readyz")
    assert response.status_code == 503
    assert response.json == {"status": "unavailable", "reason": "The database cannot be reached."}


def test_the_process_is_ready_with_a_migrated_database(client: FlaskClient) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_the_process_is_not_ready_while_migrations_are_missing(client: FlaskClient, monkeypatch: Any) -> None:
    newer = [*migrate.own_migrations(), migrate.Migration("9999_of_the_next_release", "SELECT 1")]
    monkeypatch.setattr(migrate, "own_migrations", lambda: newer)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "Migrations" in response.json["reason"]


def test_an_unknown_page_is_a_page(client: FlaskClient) -> None:
    response = client.get("/no-such-page")
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "To the gallery" in response.text


def test_an_unknown_address_of_the_api_is_json(client: FlaskClient) -> None:
    response = client.get("/api/no-such-thing")
    assert response.status_code == 404
    assert response.json["error"]["code"] == "not_found"


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    page, answer = client.delete("/"), client.delete("/api/images")
    assert page.status_code == answer.status_code == 405
    assert "GET" in page.headers["Allow"]
    assert "GET" in answer.headers["Allow"]
    assert answer.json["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/broken", "/api/broken"])
def test_a_bug_is_logged_and_not_shown(broken: FlaskClient, path: str, caplog: pytest.LogCaptureFixture) -> None:
    response = broken.get(path)
    assert response.status_code == 500
    assert "a secret detail" not in response.text
    assert "a secret detail" in caplog.text


def test_an_error_page_escapes_what_was_asked_for(client: FlaskClient) -> None:
    assert "<script>" not in client.get("/<script>alert(1)</script>").text


def test_missing_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUCKET_NAME", "DATABASE_HOST", "THUMBNAIL_FUNCTION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"DATABASE_HOST.*BUCKET_NAME.*THUMBNAIL_FUNCTION"):
        WebSettings.from_environ(os.environ)
