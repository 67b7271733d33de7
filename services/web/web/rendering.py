"""Photos as cards and as JSON, made once for each state of a photo.

What is kept is found by everything that it is made of: the whole row, and what `Storage.period` says of signed URLs.
So it cannot be out of date. Times on cards are absolute for the same reason; static/photo.js shows how long ago they
were.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from markupsafe import Markup

from catalog.images import Image
from web.presentation import is_stuck, render_card, view
from web.storage import Period, Storage

MAX_PLACEHOLDERS = 8
"""Cards in the two rows that most windows show at first. The pictures of others are loaded before they are seen."""
MAX_PHOTOS = 2000
"""About 12 MB."""
MAX_PAGES = 64
"""About 4 MB."""


class Rendering:
    """Renders photos. Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        """Remember the bucket, which signs URLs."""
        self._storage = storage
        self._card = lru_cache(MAX_PHOTOS)(self._render_card)
        self._object = lru_cache(MAX_PHOTOS)(self._write_object)
        self._objects = lru_cache(MAX_PAGES)(self._write_objects)

    def cards(self, images: Sequence[Image], *, is_paused: bool) -> Markup:
        """Return the cards of photos."""
        period = self._storage.period()
        return Markup("").join(
            self._card(image, period, is_paused, is_stuck(image), place < MAX_PLACEHOLDERS)
            for place, image in enumerate(images)
        )

    def objects(self, images: Sequence[Image]) -> str:
        """Return the JSON of photos, separated by commas."""
        return self._objects(tuple(images), self._storage.period())

    def _render_card(self, image: Image, _: Period, is_paused: bool, is_stuck: bool, has_placeholder: bool) -> Markup:
        shown = view(image, self._storage)
        return render_card(shown, is_paused=is_paused, is_stuck=is_stuck, has_placeholder=has_placeholder)

    def _write_objects(self, images: tuple[Image, ...], period: Period) -> str:
        return ",".join(self._object(image, period) for image in images)

    def _write_object(self, image: Image, _: Period) -> str:
        return view(image, self._storage).model_dump_json()
