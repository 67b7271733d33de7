"""Annotates photos again and retries failed ones, through the queue of the catalog."""

from __future__ import annotations

from catalog import images, queue
from catalog.images import Image, Reannotation
from catalog.selection import Selection, parse
from web.backends import backends
from web.inputs import AnnotatedSelection, AnotherAnnotation, FailedSelection
from web.schemas import Estimate, Retried


def annotate_again(image_id: str, wanted: AnotherAnnotation) -> Image | None:
    """Queue one photo for another annotation, unless it waits for one already; None if it does not exist."""
    with backends().database.connection() as connection:
        queue.annotate_again(connection, Selection("id = %s", (image_id,)), _reannotation(wanted))
        return images.get(connection, image_id)


def annotate_selection(wanted: AnnotatedSelection) -> Estimate:
    """Return what another annotation of the selected photos costs, and queue them if this is wanted.

    Raises:
        SelectionError: the selection cannot be understood.
        BulkUnavailableError: too many photos would be read.
    """
    selection = parse(wanted.where)
    with backends().bulk.connection() as connection:
        found = queue.request_annotations(connection, selection, _reannotation(wanted), apply=wanted.apply)
    return Estimate.model_validate({"images": found.images, "usd": found.usd})


def retry_selection(wanted: FailedSelection) -> Retried:
    """Return how many of the selected photos failed, and queue them if this is wanted.

    Raises:
        SelectionError: the selection cannot be understood.
        BulkUnavailableError: too many photos would be read.
    """
    selection = parse(wanted.where)
    with backends().bulk.connection() as connection:
        return Retried(images=queue.request_retries(connection, selection, apply=wanted.apply))


def _reannotation(wanted: AnotherAnnotation) -> Reannotation:
    return "overwrite" if wanted.overwrite else "keep"
