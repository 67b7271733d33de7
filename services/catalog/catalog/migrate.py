"""Forward-only migrations: numbered SQL files, applied once, one at a time, resumed after a failure.

MySQL commits every DDL statement by itself, so a file cannot be rolled back. The table `schema_migration` counts the
finished statements of each file instead, and the next run goes on from there. A lock that dies with its connection
keeps a second run waiting.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import ER
from pymysql.cursors import Cursor

from catalog.backoff import full_jitter

logger = logging.getLogger(__name__)

LOCK_SECONDS = 120
TABLE_LOCK_SECONDS = 5
"""How long a statement of a migration may wait for its table: whoever comes after it waits, too, even to read."""
TABLE_LOCK_ATTEMPTS = 8
MOST_PAUSE_SECONDS = 5.0


class MigrationError(Exception):
    """The schema could not be brought up to date; the message says why."""


@dataclass(frozen=True)
class Migration:
    """A numbered SQL file."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def own_migrations() -> list[Migration]:
    """Return the migrations of this release, in order."""
    folder = resources.files("catalog") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [Migration(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files]


# Group 1: quoted text, kept. Group 2: a comment, dropped. Group 3: the end of a statement.
_TOKEN = re.compile(
    r"""('(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*`)
      | (--\s[^\n]* | \#[^\n]* | /\*.*?\*/)
      | (;)""",
    re.DOTALL | re.VERBOSE,
)


def statements(sql: str) -> list[str]:
    """Split a script at its semicolons, leaving out comments and keeping quoted text as it is."""
    found: list[str] = []
    current: list[str] = []
    position = 0
    for token in _TOKEN.finditer(sql):
        current.append(sql[position : token.start()])
        position = token.end()
        if token[1]:
            current.append(token[1])
        elif token[3]:
            found.append("".join(current).strip())
            current = []
    found.append("".join([*current, sql[position:]]).strip())
    return [statement for statement in found if statement]


def migrate(
    connection: Connection[Any],
    migrations: Sequence[Migration] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Apply what is missing to the connection's database and return the names of what was applied.

    Migrations that the database has and this release does not know are left alone: the schema only ever expands
    before it contracts, so an older release runs on a newer schema.

    A statement that its table is not free for is tried again some times, with pauses in which others get at the table.
    The connection says how long it waits each time: TABLE_LOCK_SECONDS, so that its users hardly notice.

    Raises:
        MigrationError: another run holds the lock, or an applied file was edited.
        pymysql.err.MySQLError: a statement failed; the next run goes on with it.
    """
    migrations = own_migrations() if migrations is None else migrations
    with connection.cursor() as cursor:
        cursor.execute("SELECT DATABASE()")
        (database,) = cursor.fetchone() or (None,)
        lock = f"migrate:{database}"[:64]
        cursor.execute("SELECT GET_LOCK(%s, %s)", (lock, LOCK_SECONDS))
        if cursor.fetchone() != (1,):
            raise MigrationError(f"another migration of {database} has run for over {LOCK_SECONDS} seconds")
        try:
            cursor.execute(
                """CREATE TABLE IF NOT EXISTS schema_migration (
                     name            VARCHAR(64) NOT NULL PRIMARY KEY,
                     checksum        CHAR(64) NOT NULL,
                     statements_done INT NOT NULL DEFAULT 0,
                     finished        BOOLEAN NOT NULL DEFAULT FALSE,
                     applied_at      TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
                   )"""
            )
            cursor.execute("SELECT name, checksum, statements_done, finished FROM schema_migration")
            known = {name: (checksum, done, bool(finished)) for name, checksum, done, finished in cursor.fetchall()}
            applied = []
            for migration in migrations:
                checksum, done, finished = known.get(migration.name, (migration.checksum, 0, False))
                if checksum != migration.checksum and (finished or done):
                    raise MigrationError(f"{migration.name} was edited after it was applied; add a new file instead")
                if not finished:
                    _apply(connection, migration, done, sleep)
                    applied.append(migration.name)
            return applied
        finally:
            with suppress(pymysql.err.MySQLError):  # a connection that broke off has no lock, and an error of its own
                cursor.execute("SELECT RELEASE_LOCK(%s)", (lock,))


def _apply(connection: Connection[Any], migration: Migration, done: int, sleep: Callable[[float], None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO schema_migration (name, checksum) VALUES (%s, %s)
               ON DUPLICATE KEY UPDATE checksum = VALUES(checksum)""",
            (migration.name, migration.checksum),
        )
        for number, statement in enumerate(statements(migration.sql), start=1):
            # Settings of the session are repeated: they do not outlive the connection that failed.
            if number > done or statement.upper().startswith("SET SESSION"):
                _execute(cursor, statement, sleep)
                cursor.execute(
                    "UPDATE schema_migration SET statements_done = %s WHERE name = %s",
                    (number, migration.name),
                )
        cursor.execute("UPDATE schema_migration SET finished = TRUE WHERE name = %s", (migration.name,))
    logger.info("applied migration %s", migration.name)


def _execute(cursor: Cursor, statement: str, sleep: Callable[[float], None]) -> None:
    failures = 0
    while True:
        try:
            cursor.execute(statement)
            return
        except pymysql.err.OperationalError as error:
            failures += 1
            if error.args[0] != ER.LOCK_WAIT_TIMEOUT or failures == TABLE_LOCK_ATTEMPTS:
                raise
        logger.info("a table is in use; its migration is tried again")
        sleep(full_jitter(failures, 1, MOST_PAUSE_SECONDS))


def missing_migrations(connection: Connection[Any]) -> list[str]:
    """Return the names of this release's migrations that are not applied, or not to their end, in order."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT name FROM schema_migration WHERE finished")
        except pymysql.err.ProgrammingError:  # there is no such table yet
            applied = set()
        else:
            applied = {name for (name,) in cursor.fetchall()}
    return [migration.name for migration in own_migrations() if migration.name not in applied]


def schema_is_current(connection: Connection[Any]) -> bool:
    """Tell whether every migration of this release is applied."""
    return not missing_migrations(connection)
