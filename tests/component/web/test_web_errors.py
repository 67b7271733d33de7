"""What people and programs see when something is wrong."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from flask import Flask
from flask.testing import FlaskClient

import web.database
from catalog import schema
from catalog.database import Credentials, DatabaseSettings, DatabaseUnavailableError, connect
from catalog.keys import new_id
from catalog.settings import ConfigurationError
from local_cloud.database import PrivateServer
from local_cloud.installation import Installation
from web.app import create_app
from web.config import WebSettings
from web.database import ImpatientDatabase


@pytest.fixture
def own_server(tmp_path: Path, programs: Installation) -> Iterator[PrivateServer]:
    """Run a database server that a test may hold up."""
    server = PrivateServer(tmp_path, programs, durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(aws: None, own_server: PrivateServer) -> DatabaseSettings:
    """Describe that server as its master sees it."""
    user = json.dumps({"username": own_server.address.username, "password": own_server.address.password})
    secret = boto3.client("secretsmanager").create_secret(Name="master", SecretString=user)["ARN"]
    return DatabaseSettings(database_host=own_server.address.host, database_name="mysql", database_secret_arn=secret)


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


@pytest.mark.parametrize("path", ["/", "/images/01920000-0000-7000-8000-000000000000"])
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


def test_a_page_that_failed_tries_again_by_itself_at_its_own_address(without_database: FlaskClient) -> None:
    page = without_database.get("/?q=kite").text
    assert '<meta http-equiv="refresh" content="10">' in page
    assert '<a class="button" href="">Try again</a>' in page


def test_a_form_that_failed_is_not_sent_again_by_itself(without_database: FlaskClient) -> None:
    response = without_database.post(f"/images/{new_id()}/edit", data={"caption": "Mine"})
    assert response.status_code == 503
    assert "refresh" not in response.text
    assert "was not saved" in response.text


def test_nobody_waits_behind_a_database_that_hangs(
    own_server: PrivateServer, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web.database, "STATEMENT_SECONDS", 1.0)
    monkeypatch.setattr(web.database, "HANGS_SECONDS", 0.5)
    database = ImpatientDatabase(settings)
    with database.connection() as connection:
        assert connection.cursor().execute("SELECT 1") == 1
    assert own_server.child.pid is not None
    server = psutil.Process(own_server.child.pid)

    refusals: list[str] = []

    def ask() -> None:
        try:
            with database.connection() as connection:
                connection.cursor().execute("SELECT 1")
        except DatabaseUnavailableError as error:
            refusals.append(str(error))

    server.suspend()
    ask()
    two = [threading.Thread(target=ask) for _ in range(2)]
    for asking in two:
        asking.start()
    while len(refusals) < 2:
        time.sleep(0.01)
    assert "another request is asking it" in refusals[1]
    assert any(asking.is_alive() for asking in two)
    server.resume()
    for asking in two:
        asking.join()
    ask()
    with database.connection() as one, database.connection() as other:
        assert one.cursor().execute("SELECT 1") == other.cursor().execute("SELECT 1") == 1
    database.close()


def test_a_database_with_too_many_connections_is_worth_another_try(
    own_server: PrivateServer, settings: DatabaseSettings, client: FlaskClient, app: Flask
) -> None:
    app.extensions["backends"] = replace(app.extensions["backends"], database=ImpatientDatabase(settings))
    master = Credentials(own_server.address.username, own_server.address.password)
    with ExitStack() as connections:
        first = connections.enter_context(connect(settings, master))
        first.cursor().execute("SET GLOBAL max_connections = 10")  # the least there is, and one for the master
        for _ in range(10):
            connections.enter_context(connect(settings, master))
        response = client.get("/api/images")
    assert response.status_code == 503
    assert "No photo is lost" in response.json["error"]["message"]


def test_a_retry_that_lambda_does_not_take_is_left_to_the_sweep(
    app: Flask, catalogue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id = catalogue.add(thumbnail="Out of memory.")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9")
    response = create_app().test_client().post(f"/api/images/{image_id}/retry")
    assert response.status_code == 503
    assert "by itself within half an hour" in response.json["error"]["message"]
    assert catalogue.get(image_id).thumbnail_status == "pending"


def test_a_photo_whose_files_cannot_be_deleted_stays(without_bucket: FlaskClient, catalogue: Any) -> None:
    image_id = catalogue.add()
    assert without_bucket.delete(f"/api/images/{image_id}").status_code == 503
    assert catalogue.get(image_id) is not None


def test_a_photo_keeps_its_files_while_the_database_is_away(without_database: FlaskClient, catalogue: Any) -> None:
    image_id = catalogue.add()
    assert without_database.delete(f"/api/images/{image_id}").status_code == 503
    assert catalogue.app.extensions["backends"].storage.find_upload(image_id) is not None


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
    newer = [*schema.own_migrations(), schema.Migration("9999_of_the_next_release", "SELECT 1")]
    monkeypatch.setattr(schema, "own_migrations", lambda: newer)
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
