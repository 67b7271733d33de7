"""Database servers of tests: their life, and connections as their master user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from pymysql.connections import Connection

from catalog.database import LOCK_SECONDS, Credentials, DatabaseSettings, connect
from servers.database import Address, PrivateServer

ENDLESS = """SELECT COUNT(*) FROM
    (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n) AS a,
    information_schema.collations AS b, information_schema.collations AS c, information_schema.collations AS d"""
"""A statement that reads tens of billions of rows."""


@contextmanager
def started(server: PrivateServer) -> Iterator[PrivateServer]:
    """Run a server until the end of the block."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


def connect_master(server: Address, database: str | None = None, lock_seconds: int = LOCK_SECONDS) -> Connection[Any]:
    """Connect as the master user of a server."""
    settings = DatabaseSettings(
        database_host=server.host, database_port=server.port, database_name="", database_secret_arn=""
    )
    return connect(settings, Credentials(server.username, server.password), database, lock_seconds=lock_seconds)


def fetch(connection: Any, query: str) -> Any:
    """Return the first row of a result."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()


def run_as_master(server: Address, *statements: str) -> None:
    """Run statements as the master user of a server."""
    with closing(connect_master(server)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
