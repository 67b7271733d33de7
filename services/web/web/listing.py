"""Pages of photos, newest first, and searches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catalog import finder, pause, vocabulary
from catalog.images import Image
from catalog.pause import Pause
from catalog.search import Search
from web.backends import backends
from web.inputs import PageQuery
from web.schemas import SearchResult


@dataclass(frozen=True, slots=True)
class Listing:
    """The photos of a page, the cursor of the next page, None on the last page, and why annotation is paused."""

    images: list[Image]
    following: str | None
    paused: Pause | None
    search: SearchResult | None


def load_page(page: PageQuery) -> Listing:
    """Return a page of photos."""
    with backends().database.connection() as connection, connection.cursor() as cursor:
        if page.search:
            listed, result = _search(connection, page, page.search)
        else:
            listed, result = backends().rows.newest(cursor, page.limit + 1, before=page.before), None
        paused = pause.read(cursor)
    shown = listed[: page.limit]
    return Listing(shown, shown[-1].id if len(listed) > page.limit else None, paused, result)


def _search(connection: Any, page: PageQuery, search: Search) -> tuple[list[Image], SearchResult]:
    with backends().search_budget.share() as seconds:
        found = finder.find(connection, search, page.limit + 1, before=page.before, seconds=seconds)
    correct = not found.images and not page.before
    return found.images, SearchResult(
        count=None if found.count is None else min(found.count, finder.MAX_COUNT),
        has_more=found.count is not None and found.count > finder.MAX_COUNT,
        is_partial=found.is_partial,
        ignored=list(search.ignored),
        correction=vocabulary.correct(connection, page.q, search) if correct else None,
        highlights={image.id: search.highlights(image, found.languages) for image in found.images[: page.limit]},
    )
