"""The circuit breaker of the database."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from flask import Flask
from flask.testing import FlaskClient

from catalog.database import Credentials, DatabaseSettings, DatabaseUnavailableError, SlowStatementError, connect
from servers.database import PrivateServer
from servers.installation import Installation
from support.database_server import ENDLESS, started
from support.migration import store_secret
from web import circuit_breaker
from web.circuit_breaker import CircuitBreakerDatabase


@pytest.fixture
def own_server(tmp_path: Path, programs: Installation) -> Iterator[PrivateServer]:
    """Run a database server for one test."""
    with started(PrivateServer(tmp_path, programs, durable=False)) as server:
        yield server


@pytest.fixture
def settings(aws: None, own_server: PrivateServer) -> DatabaseSettings:
    """Return settings to connect to that server as its master user."""
    secret = store_secret("master", Credentials(own_server.address.username, own_server.address.password))
    return DatabaseSettings(database_host=own_server.address.host, database_name="mysql", database_secret_arn=secret)


def test_only_one_request_probes_a_hanging_database(
    own_server: PrivateServer, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "STATEMENT_SECONDS", 1.0)
    monkeypatch.setattr(circuit_breaker, "SLOW_FAILURE_SECONDS", 0.5)
    database = CircuitBreakerDatabase(settings)
    with database.connection() as connection:
        assert connection.cursor().execute("SELECT 1") == 1
    assert own_server.child.pid is not None
    server = psutil.Process(own_server.child.pid)

    errors: list[str] = []

    def query() -> None:
        try:
            with database.connection() as connection:
                connection.cursor().execute("SELECT 1")
        except DatabaseUnavailableError as error:
            errors.append(str(error))

    server.suspend()
    query()
    two = [threading.Thread(target=query) for _ in range(2)]
    for thread in two:
        thread.start()
    while len(errors) < 2:
        time.sleep(0.01)
    assert "another request is probing it" in errors[1]
    assert any(thread.is_alive() for thread in two)
    server.resume()
    for thread in two:
        thread.join()
    query()
    with database.connection() as one, database.connection() as other:
        assert one.cursor().execute("SELECT 1") == other.cursor().execute("SELECT 1") == 1
    database.close()


def test_a_slow_statement_does_not_open_the_circuit(
    settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "STATEMENT_SECONDS", 0.3)
    monkeypatch.setattr(circuit_breaker, "SLOW_FAILURE_SECONDS", 0.1)
    database = CircuitBreakerDatabase(settings)
    with pytest.raises(SlowStatementError), database.connection() as connection:
        connection.cursor().execute(ENDLESS)
    with database.connection() as one, database.connection() as other:
        assert one.cursor().execute("SELECT 1") == other.cursor().execute("SELECT 1") == 1
    database.close()


def test_too_many_connections_are_a_temporary_error(
    own_server: PrivateServer, settings: DatabaseSettings, client: FlaskClient, app: Flask
) -> None:
    app.extensions["backends"] = replace(app.extensions["backends"], database=CircuitBreakerDatabase(settings))
    master = Credentials(own_server.address.username, own_server.address.password)
    with ExitStack() as connections:
        first = connections.enter_context(connect(settings, master))
        first.cursor().execute("SET GLOBAL max_connections = 10")  # the minimum; one more is for the master user
        for _ in range(10):
            connections.enter_context(connect(settings, master))
        response = client.get("/api/images")
    assert response.status_code == 503
    assert "Your photos are safe" in response.json["error"]["message"]
