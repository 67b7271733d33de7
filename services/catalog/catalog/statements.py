"""Runs SQL statements that change rows, or read a single one."""

from __future__ import annotations

from typing import Any, cast

from pymysql.connections import Connection


def update(connection: Connection[Any], statement: str, **values: object) -> bool:
    """Run an UPDATE and tell whether it matched a row (the connection counts matched rows, not changed ones)."""
    with connection.cursor() as cursor:
        return bool(cursor.execute(statement, values))


def first_row(connection: Connection[Any], statement: str, *values: object) -> tuple[Any, ...] | None:
    """Run a SELECT and return its first row; None if it has none."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def only_row(connection: Connection[Any], statement: str, *values: object) -> tuple[Any, ...]:
    """Run a SELECT that always has one row, such as a count, and return it."""
    return cast(tuple[Any, ...], first_row(connection, statement, *values))
