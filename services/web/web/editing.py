"""Saves an edit, unless another person changed the same field in the meantime."""

from __future__ import annotations

from collections.abc import Sequence

from catalog import images
from catalog.images import Image
from web.backends import backends
from web.inputs import Edit

CONFLICT = "Somebody else changed this text after you started editing. Nothing was saved. Compare both and save again."


class EditConflictError(Exception):
    """A field changed after the person saw it. Nothing was saved."""

    def __init__(self, current: Image) -> None:
        """Keep the current photo."""
        super().__init__(CONFLICT)
        self.current = current


def save(image_id: str, edit: Edit) -> Image | None:
    """Write the changes of an edit and return the photo; None if it does not exist.

    Raises:
        EditConflictError: another person changed a field of the edit after it was seen. Texts of a function never
            conflict; an edit always replaces them.
    """
    with backends().database.transaction() as connection:
        current = images.get(connection, image_id, lock=True)
        if current is None:
            return None
        if _has_conflict(current, edit):
            raise EditConflictError(current)
        images.edit(connection, image_id, **edit.changes)
        return images.get(connection, image_id)


def _has_conflict(current: Image, edit: Edit) -> bool:
    """Tell whether a person's text in a changed field is neither the one that was seen nor the new one."""
    seen = edit.seen_values
    return any(
        name in seen
        and _is_persons(current, name)
        and _normalize(getattr(current, name)) not in (_normalize(seen[name]), _normalize(new))
        for name, new in edit.changes.items()
    )


def _is_persons(current: Image, name: str) -> bool:
    """Tell whether a person wrote a text. A release before 0.5.0 set only `edited`, which stands for all texts."""
    flags = {name: getattr(current, f"{name}_edited") for name in images.EDITABLE}
    return flags[name] or (current.edited and not any(flags.values()))


def _normalize(value: str | Sequence[str] | None) -> str:
    # Browsers change white space and line endings in forms, which also split tags at commas.
    text = value if isinstance(value, str) else ",".join(tag for tag in value or () if tag.strip()).replace(",", " , ")
    return " ".join(text.split())
