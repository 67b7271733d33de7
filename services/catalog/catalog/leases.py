"""The lease of a photo: one delivery at a time annotates it, the one that holds the lease.

The column `claimed_until` holds the end of the lease, which also identifies it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymysql.connections import Connection

from catalog.images import CURRENT, WAITS
from catalog.statements import only_row, update

UNLEASED = "(claimed_until IS NULL OR claimed_until < NOW(3))"
"""The condition that no delivery holds the lease of a photo."""


def end(connection: Connection[Any], seconds: float) -> datetime:
    """Return the end of a lease that starts now, by the server's clock; it identifies the lease."""
    moment: datetime
    (moment,) = only_row(
        connection, "SELECT CAST(NOW(3) + INTERVAL %s MICROSECOND AS DATETIME(3))", round(seconds * 1000) * 1000
    )
    return moment


def acquire(connection: Connection[Any], image_id: str, etag: str, end: datetime) -> bool:
    """Reserve the annotation of a waiting photo until `end`, so that no other delivery pays for it too."""
    return update(
        connection,
        f"""UPDATE image SET claimed_until = %(end)s
            WHERE {CURRENT} AND {WAITS} AND {UNLEASED}""",
        id=image_id,
        etag=etag,
        end=end,
    )


def release(connection: Connection[Any], image_id: str, etag: str, end: datetime) -> bool:
    """Release the lease that ends at `end`, after a failure that is worth another try; other leases stay."""
    return update(
        connection,
        f"UPDATE image SET claimed_until = NULL WHERE {CURRENT} AND claimed_until = %(end)s",
        id=image_id,
        etag=etag,
        end=end,
    )
