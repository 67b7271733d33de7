"""Fixtures for the tests of the catalog."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from catalog import images
from catalog.database import Database
from catalog.uploads import Upload
from support.catalog_rows import an_upload


@pytest.fixture
def connection(database: Database) -> Iterator[Any]:
    """Connect to an empty catalog as the application's user."""
    with database.connection() as connection:
        yield connection


@pytest.fixture
def later(connection: Any) -> Callable[[int], None]:
    """Return a function that lets minutes pass: it moves all times in the catalog into the past."""

    def pass_time(minutes: int) -> None:
        moments = {
            "image": ("uploaded_at", "pending_since", "resent_at", "claimed_until", "annotate_at", "reannotated_at"),
            "annotation_pause": ("since", "next_attempt", "probe_until"),
            "annotation_request": ("requested_at",),
        }
        with connection.cursor() as cursor:
            for table, columns in moments.items():
                earlier = ", ".join(f"{column} = {column} - INTERVAL {minutes} MINUTE" for column in columns)
                cursor.execute(f"UPDATE {table} SET {earlier}")

    return pass_time


@pytest.fixture
def upload(connection: Any) -> Upload:
    """Register an upload of this moment."""
    upload = an_upload()
    images.register(connection, upload)
    return upload
