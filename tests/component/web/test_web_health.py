"""Health checks."""

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from catalog import schema
from web.health import read_version


def test_the_version_of_the_working_tree_is_reported(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok", "version": "working tree"}


def test_the_version_of_a_package_is_read_from_its_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"service": "web", "version": "1.2.3"}))
    assert read_version(tmp_path) == "1.2.3"


def test_the_process_is_ready_with_a_migrated_database(client: FlaskClient) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_the_process_is_healthy_but_not_ready_without_a_database(without_database: FlaskClient) -> None:
    assert without_database.get("/healthz").status_code == 200
    response = without_database.get("/readyz")
    assert response.status_code == 503
    assert response.json == {"status": "unavailable", "reason": "The database cannot be reached."}


def test_the_process_is_not_ready_if_migrations_are_missing(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = [*schema.own_migrations(), schema.Migration("9999_of_the_next_release", "SELECT 1")]
    monkeypatch.setattr(schema, "own_migrations", lambda: newer)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "Migrations" in response.json["reason"]
