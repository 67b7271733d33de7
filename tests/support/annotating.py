"""Delivers the events of photos to the annotate function, and reads what the catalog says afterwards."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

from annotate import handler
from catalog import ledger, pause
from catalog.database import Database
from catalog.images import Image
from support import photos
from support.catalog_rows import row
from support.gemini_server import INPUT_TOKENS, OUTPUT_TOKENS, GeminiServer, Reply
from support.lambda_context import LambdaContext, event_of
from support.uploads import put_upload

BUCKET = "photos"
KEY = "AIza-the-key-of-the-tests"
DELIVERIES = 18
"""The most for one photo: three for its event, and three for each of the sweep's five announcements."""
GOOD = json.dumps({"caption": "A cat sleeps.", "alt_text": "A grey cat on a sofa.", "tags": ["cat", "sofa"]})
USD = (Decimal("0.30") * INPUT_TOKENS + Decimal("2.50") * OUTPUT_TOKENS) / 1_000_000
"""The price of an answer of the test server."""


def uploaded() -> str:
    """Store a photo without its event, and return its id."""
    return put_upload(BUCKET, photos.jpeg())


def deliver(photo: str, times: int = 1) -> None:
    """Deliver the event of a photo, with too little time left to retry a request within a delivery."""
    for _ in range(times):
        with suppress(ExceptionGroup):
            handler.handle(event_of(BUCKET, photo), LambdaContext(30))


def delivered(database: Database, *replies: Reply, gemini: GeminiServer, times: int = DELIVERIES) -> Image:
    """Upload a photo, deliver its event as often as possible, and return its row. The server repeats the last reply."""
    gemini.reply(*replies[:-1], *[replies[-1]] * times)
    photo = uploaded()
    deliver(photo, times)
    return row(database, photo)


def paused(database: Database) -> pause.Pause | None:
    """Return the pause; None if annotation is not paused."""
    with database.connection() as connection:
        return pause.current(connection)


def let_a_minute_pass(database: Database) -> None:
    """Make the next attempt due."""
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE annotation_pause SET next_attempt = NOW(3)")


def requests(database: Database, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of the ledger, in the order of the requests."""
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM annotation_request ORDER BY id")
        return list(cursor.fetchall())


def spent(database: Database) -> Decimal:
    """Return what this month cost, in US dollars."""
    with database.connection() as connection:
        return ledger.spending(connection).month_usd
