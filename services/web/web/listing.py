"""Pages of photos, newest first."""

from catalog import images
from catalog.images import Image
from web.backends import backends
from web.schemas import PageQuery


def load_page(page: PageQuery) -> tuple[list[Image], str | None]:
    """Return the photos of a page, and the cursor of the next page, None on the last page."""
    database = backends().searches if page.search else backends().database
    with database.connection() as connection:
        found = images.newest(connection, page.limit + 1, before=page.before, search=page.search)
    shown = found[: page.limit]
    return shown, shown[-1].id if len(found) > page.limit else None
