"""Pages of photos, newest first."""

from typing import NamedTuple

from catalog import images, pause
from catalog.images import Image
from catalog.pause import Pause
from web.backends import backends
from web.schemas import PageQuery


class Listing(NamedTuple):
    """The photos of a page, the cursor of the next page, None on the last page, and why annotation is paused."""

    images: list[Image]
    following: str | None
    paused: Pause | None


def load_page(page: PageQuery) -> Listing:
    """Return a page of photos."""
    database = backends().searches if page.search else backends().database
    with database.connection() as connection, connection.cursor() as cursor:
        if page.search:
            found = images.newest(connection, page.limit + 1, before=page.before, search=page.search)
        else:
            found = backends().rows.newest(cursor, page.limit + 1, before=page.before)
        paused = pause.read(cursor)
    shown = found[: page.limit]
    return Listing(shown, shown[-1].id if len(found) > page.limit else None, paused)
