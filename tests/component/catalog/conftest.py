"""Shared by the tests of the catalogue."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from catalog.database import Database


@pytest.fixture
def connection(database: Database) -> Iterator[Any]:
    """Lend a connection of the application's user to an empty catalogue."""
    with database.connection() as connection:
        yield connection


@pytest.fixture
def later(connection: Any) -> Callable[[int], None]:
    """Let minutes pass for every photo: all that happened to it was so much earlier."""

    def pass_time(minutes: int) -> None:
        moments = ("uploaded_at", "pending_since", "resent_at", "claimed_until")
        earlier = ", ".join(f"{moment} = {moment} - INTERVAL {minutes} MINUTE" for moment in moments)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE image SET {earlier}")

    return pass_time
