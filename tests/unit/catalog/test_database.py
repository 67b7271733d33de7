"""Connections to the database: over a socket, over TCP, with and without TLS, and after the server went away."""

import os
import selectors
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace

import certifi
import pytest

from catalog.database import Database, DatabaseSettings, DatabaseUnavailableError


class Forwarder(socketserver.ThreadingTCPServer):
    """Lets a server that has only a unix socket be reached over TCP."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.path = path
        self.port: int = self.socket.getsockname()[1]


class _Connection(socketserver.BaseRequestHandler):
    server: Forwarder

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as behind, selectors.DefaultSelector() as ready:
            behind.connect(self.server.path)
            ready.register(self.request, selectors.EVENT_READ, behind)
            ready.register(behind, selectors.EVENT_READ, self.request)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)


@pytest.fixture
def over_tcp(database: Database) -> Iterator[DatabaseSettings]:
    """Describe the tests' server, which speaks no TLS, as one on a port."""
    settings = DatabaseSettings.from_environ(os.environ)
    with Forwarder(settings.database_host) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield replace(settings, database_host="127.0.0.1", database_port=server.port)
        server.shutdown()


def answer(settings: DatabaseSettings) -> object:
    database = Database(settings)
    try:
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 42")
            return cursor.fetchone()
    finally:
        database.close()


def test_a_host_that_begins_with_a_slash_is_a_unix_socket(database: Database) -> None:
    assert answer(DatabaseSettings.from_environ(os.environ)) == (42,)


def test_a_server_without_tls_is_reached_when_no_authority_is_named(over_tcp: DatabaseSettings) -> None:
    assert answer(over_tcp) == (42,)


def test_a_server_without_tls_is_refused_when_an_authority_is_named(over_tcp: DatabaseSettings) -> None:
    with pytest.raises(DatabaseUnavailableError, match="SSL is required"):
        answer(replace(over_tcp, database_ca_file=certifi.where()))


def test_a_server_that_is_away_is_an_error_worth_another_try(over_tcp: DatabaseSettings) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(DatabaseUnavailableError):
            answer(replace(over_tcp, database_port=port))


def test_a_connection_that_died_is_replaced(database: Database) -> None:
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        (number,) = cursor.fetchone() or (None,)
    other = Database(DatabaseSettings.from_environ(os.environ))
    with other.connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"KILL {number}")
    other.close()
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        assert cursor.fetchone() == (42,)
