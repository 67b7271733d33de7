"""Marks the parts of a photo's texts that a search found. static/highlight.js does the same, for updates of open pages.

The parts are those of `catalog.search.Search.highlights`: words, and characters and pairs of unspaced scripts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator

from flask import Flask
from markupsafe import Markup

from catalog.words import tokens

_TEXTS = re.compile(
    r'(?P<tag><(?:p class="caption"|span class="frame-note"|a dir="auto" href="/\?q=)[^>]*>)(?P<text>[^<]+)'
)
"""The texts of cards of templates/photo.html that are marked: caption, file name and tags."""


def init_app(app: Flask) -> None:
    """Give templates the filter of this module."""
    app.add_template_filter(highlight_cards)


def highlight(text: str, parts: Collection[str]) -> Markup:
    """Return a text with marks around parts of it. A word is only marked as a whole."""
    marked = Markup()
    end_of_mark = 0
    for start, end in _spans(text, parts):
        marked += Markup("{}<mark>{}</mark>").format(text[end_of_mark:start], text[start:end])
        end_of_mark = end
    return marked + text[end_of_mark:]


def highlight_cards(cards: Markup, parts: Collection[str]) -> Markup:
    """Return the cards of photos with marks in their texts.

    It works on their HTML, so that cards are cached without marks.
    """
    if not parts:
        return cards
    # The template escaped texts and attributes, so no other < or > is in them.
    marked = _TEXTS.sub(lambda found: found["tag"] + str(highlight(html.unescape(found["text"]), parts)), cards)
    return Markup(marked)  # noqa: S704


def _spans(text: str, parts: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yield where marks begin and end, in order; neighbors have one mark."""
    start = end = 0
    for token in tokens(text):
        if text[token.start : token.end] not in parts:
            continue
        if token.start > end:
            if end:
                yield start, end
            start = token.start
        end = max(end, token.end)
    if end:
        yield start, end
