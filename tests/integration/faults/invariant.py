"""What must hold after any fault has ended."""

import re

from catalog.images import Image

_FOR_PROGRAMMERS = re.compile(r"Error\b|Exception|Traceback|errno|0x|[{}<>\n\\]|::")


def is_for_people(reason: str | None) -> bool:
    """Return whether a reason is a sentence for people, without technical details."""
    if reason is None or _FOR_PROGRAMMERS.search(reason):
        return False
    return bool(re.fullmatch(r"[A-Z].{10,}\.", reason))


def troubles(row: Image) -> list[str]:
    """Return what is wrong with a row: each part must be ready, or failed with a reason for people."""
    found = []
    for part, status, reason in (
        ("thumbnail", row.thumbnail_status, row.thumbnail_reason),
        ("annotation", row.annotation_status, row.annotation_reason),
    ):
        if status == "pending":
            found.append(f"{row.id}: the {part} is still pending")
        elif status == "failed" and not is_for_people(reason):
            found.append(f"{row.id}: the {part} failed with the reason {reason!r}")
        elif status == "ready" and reason:
            found.append(f"{row.id}: the {part} is ready and has the reason {reason!r}")
    return found


def settled(row: Image | None) -> bool:
    """Return whether no part of a photo is pending."""
    return row is not None and "pending" not in (row.thumbnail_status, row.annotation_status)


def ready(row: Image | None) -> bool:
    """Return whether both parts of a photo are ready."""
    return row is not None and (row.thumbnail_status, row.annotation_status) == ("ready", "ready")
