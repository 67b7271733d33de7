"""Applies migrations: forward only, each once, one run at a time, resumed after a failure.

MySQL commits after every DDL statement, so a file cannot be rolled back. Instead, the table `schema_migration` counts
the finished statements of each file, and the next run resumes there. A lock makes a second run wait; the server
releases it when the connection ends.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import ER
from pymysql.cursors import Cursor

from catalog.backoff import full_jitter
from catalog.schema import Migration, own_migrations

logger = logging.getLogger(__name__)

LOCK_SECONDS = 120
TABLE_LOCK_SECONDS = 5
"""How long a migration may wait for a table lock: meanwhile every later statement waits too, even a read."""
TABLE_LOCK_ATTEMPTS = 8
MOST_PAUSE_SECONDS = 5.0


class MigrationError(Exception):
    """The schema could not be updated; the message says why."""


# Group 1: quoted text, kept. Group 2: a comment, dropped. Group 3: the end of a statement.
_TOKEN = re.compile(
    r"""('(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*`)
      | (--\s[^\n]* | \#[^\n]* | /\*.*?\*/)
      | (;)""",
    re.DOTALL | re.VERBOSE,
)


def statements(sql: str) -> list[str]:
    """Split a script at its semicolons, without comments; quoted text is unchanged."""
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
    """Apply the missing migrations to the connection's database and return their names.

    Migrations that the database has and this release does not know are ignored: the schema expands before it
    contracts, so an older release runs on a newer schema.

    A statement that cannot lock its table is retried up to TABLE_LOCK_ATTEMPTS times, with pauses in which other
    statements can use the table. The connection's lock timeout should be TABLE_LOCK_SECONDS, so that users hardly
    notice.

    Raises:
        MigrationError: another run holds the lock, or an applied file was edited.
        pymysql.err.MySQLError: a statement failed; the next run resumes with it.
    """
    migrations = own_migrations() if migrations is None else migrations
    with connection.cursor() as cursor:
        cursor.execute("SELECT DATABASE()")
        (database,) = cursor.fetchone() or (None,)
        lock = f"migrate:{database}"[:64]
        cursor.execute("SELECT GET_LOCK(%s, %s)", (lock, LOCK_SECONDS))
        if cursor.fetchone() != (1,):
            raise MigrationError(f"another migration of {database} is still running after {LOCK_SECONDS} seconds")
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
            with suppress(pymysql.err.MySQLError):  # a lost connection holds no lock, and its own error is raised
                cursor.execute("SELECT RELEASE_LOCK(%s)", (lock,))


def _apply(connection: Connection[Any], migration: Migration, done: int, sleep: Callable[[float], None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO schema_migration (name, checksum) VALUES (%s, %s)
               ON DUPLICATE KEY UPDATE checksum = VALUES(checksum)""",
            (migration.name, migration.checksum),
        )
        for number, statement in enumerate(statements(migration.sql), start=1):
            # Session settings are repeated: they ended with the connection that failed.
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
        logger.info("a table is in use; its migration will be retried")
        sleep(full_jitter(failures, 1, MOST_PAUSE_SECONDS))
