"""A MariaDB server with the catalog's schema and many photos."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pymysql.connections import Connection

from benchmarks import photos
from catalog.database import Credentials, DatabaseSettings, connect
from catalog_functions.custom_resource import MigrationSettings, apply
from servers.database import Address, PrivateServer
from servers.mariadb import MariaDb

MASTER, APPLICATION = "master", "application"
"""The names of the secrets."""
APPLICATION_USER = Credentials("gallery", "of a benchmark")
BUFFER_BYTES = 3 * 1024**3
"""The server's cache, which is small in development and large in production."""
LOAD_SECONDS = 600.0


@contextmanager
def running(folder: Path) -> Iterator[Address]:
    """Run a server with its files in a folder until the end of the block."""
    server = PrivateServer(folder, MariaDb.find_or_fetch(print), durable=False)
    server.start()
    try:
        with closing(connected(server.address)) as connection, connection.cursor() as cursor:
            cursor.execute(f"SET GLOBAL innodb_buffer_pool_size = {BUFFER_BYTES}")
        yield server.address
    finally:
        server.stop()


def create(server: Address, name: str, rows: int, folder: Path, environ: Mapping[str, str]) -> float:
    """Create a migrated database with photos and return the seconds; `environ` leads to the secrets."""
    settings = MigrationSettings(
        database_host=server.host,
        database_port=server.port,
        database_name=name,
        database_secret_arn=MASTER,
        application_secret_arn=APPLICATION,
    )
    began = time.monotonic()
    with patch.dict(os.environ, environ):
        apply(settings)
    with closing(connected(server, name)) as connection, closing(connected(server, name)) as other:
        photos.load(connection, other, rows, folder)
    return time.monotonic() - began


def connected(server: Address, name: str | None = None) -> Connection[Any]:
    """Connect as the master user, to a database if it has a name."""
    settings = DatabaseSettings(
        database_host=server.host, database_port=server.port, database_name="", database_secret_arn=""
    )
    return connect(settings, Credentials(server.username, server.password), name, LOAD_SECONDS)
