"""The schema that this release expects: its migrations, numbered SQL files, and whether they are applied."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pymysql
from pymysql.connections import Connection


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


def missing_migrations(connection: Connection[Any]) -> list[str]:
    """Return the names of this release's migrations that are not applied or not finished, in order."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT name FROM schema_migration WHERE finished")
        except pymysql.err.ProgrammingError:  # no migration has run yet
            applied = set()
        else:
            applied = {name for (name,) in cursor.fetchall()}
    return [migration.name for migration in own_migrations() if migration.name not in applied]
