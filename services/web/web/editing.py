"""Saves a person's words, unless another person has written something else there meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from catalog import images
from catalog.images import Image
from web.backends import backends
from web.payload import Edit, Words

CONFLICT = "Somebody else has changed these words since you began. Nothing was saved: compare, and save again."


class EditConflictError(Exception):
    """What the person saw is not there any more. Nothing was saved."""

    def __init__(self, current: Image) -> None:
        """Keep the photo as it is now."""
        super().__init__(CONFLICT)
        self.current = current


def save(image_id: str, edit: Edit) -> Image | None:
    """Write the words of an edit and return the photo; None when there is none.

    Raises:
        EditConflictError: another person wrote into a field of the edit after it was seen. A function's words are no
            conflict: a person's always replace them.
    """
    with backends().database.transaction() as connection:
        current = images.get(connection, image_id, lock=True)
        if current is None:
            return None
        if current.edited and edit.seen and _moved(current, edit.words, edit.seen):
            raise EditConflictError(current)
        words = edit.words
        images.edit(connection, image_id, caption=words.caption, alt_text=words.alt_text, tags=words.tags)
        return images.get(connection, image_id)


def _moved(current: Image, written: Words, seen: Words) -> bool:
    """Tell whether a field that is written holds something else by now, neither what was seen nor what is written."""
    fields = (
        (current.caption, written.caption, seen.caption),
        (current.alt_text, written.alt_text, seen.alt_text),
        (current.tags, written.tags, seen.tags),
    )
    return any(
        new is not None and old is not None and _plain(now) not in (_plain(old), _plain(new))
        for now, new, old in fields
    )


def _plain(words: str | Sequence[str] | None) -> str:
    # Forms change blanks and ends of lines on their way, and part tags at their commas.
    text = words if isinstance(words, str) else ",".join(words or ()).replace(",", " , ")
    return " ".join(text.split())
