"""Transactions that join the one that is already open on a connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import pymysql
from pymysql.connections import Connection

_open: WeakSet[Any] = WeakSet()
"""The connections in a transaction of `atomic`. A connection belongs to one thread at a time."""


@contextmanager
def atomic(connection: Connection[Any]) -> Iterator[None]:
    """Run the block in the open transaction, or in a new one: committed at its end, rolled back by an exception."""
    own = getattr(connection, "dbapi_connection", connection)  # of the pool's proxy
    if own in _open:
        yield
        return
    connection.begin()
    _open.add(own)
    try:
        yield
        connection.commit()
    except BaseException:
        with suppress(pymysql.err.Error):  # a lost connection has no transaction, and its own error is raised
            connection.rollback()
        raise
    finally:
        _open.discard(own)
