"""Annotates photos again and retries failed ones, through the queue of the catalog."""

from __future__ import annotations

from catalog import images, queue
from catalog.images import Image, Reannotation
from catalog.selection import Selection, parse
from web.backends import backends
from web.schemas import AnnotatedSelection, AnotherAnnotation, Estimate, FailedSelection, Retried


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
        estimate = queue.estimate(connection, selection)
        count = queue.annotate_again(connection, selection, _reannotation(wanted)) if wanted.apply else estimate.images
    return Estimate.model_validate({"images": count, "usd": estimate.usd})


def retry_selection(wanted: FailedSelection) -> Retried:
    """Return how many of the selected photos failed, and queue them if this is wanted.

    Raises:
        SelectionError: the selection cannot be understood.
        BulkUnavailableError: too many photos would be read.
    """
    selection = parse(wanted.where)
    with backends().bulk.connection() as connection:
        count = queue.retry(connection, selection) if wanted.apply else queue.failed(connection, selection)
    return Retried(images=count)


def _reannotation(wanted: AnotherAnnotation) -> Reannotation:
    return "overwrite" if wanted.overwrite else "keep"
