"""The smoke test: sends one picture through the whole gallery, and deletes it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from smoke import picture
from smoke.errors import GalleryError
from smoke.gallery import LOGS, Gallery, without_signature
from smoke.webp import webp_size

LOOK_SECONDS = 0.25
PARTS = {"thumbnail": "thumbnail", "annotation": "annotate"}
"""The parts of an image, and the functions that create them."""


def check(gallery: Gallery, version: str | None, seconds: float, report: Callable[[str], None]) -> None:
    """Upload a picture, check its thumbnail and its annotation, and delete it even after a failure.

    Args:
        gallery: the gallery.
        version: the version that it should run, if known.
        seconds: time limit for thumbnail and annotation, from the upload on.
        report: called with a line for each step.

    Raises:
        GalleryError: the gallery does not work as expected.
    """
    gallery.check_ready()
    runs = gallery.version()
    report(f"{gallery.url} is ready, and runs version {runs}")
    if version is not None and runs != version:
        raise GalleryError(
            f"the pinned version {version}",
            f"the gallery still runs {runs}",
            "Check whether the instances were refreshed: the Auto Scaling group, and `make status`.",
        )
    token = secrets.token_hex(8)
    filename = f"smoke-test-{token}.png"
    data = picture.draw(filename)
    form = gallery.ask_form(filename, "image/png", len(data))
    with _deleted_at_the_end(gallery, form.id):
        deadline = time.monotonic() + seconds
        gallery.send(form, filename, data)
        gallery.complete(form.id)
        report(f"uploaded {filename} as image {form.id}")
        image = _finished(gallery, form.id, seconds, deadline, report)
        _check_facts(image, data)
        thumbnail = _check_thumbnail(gallery, image)
        _check_annotation(image)
        _check_pages(gallery, form.id, token)
        report("the gallery shows it with its annotation")
    _check_gone(gallery, form.id, thumbnail)
    report("deleted it completely")


@contextmanager
def _deleted_at_the_end(gallery: Gallery, image_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        try:
            gallery.delete(image_id)
        except GalleryError as left:
            error.add_note(f"The test picture could not be deleted: {gallery.url}/images/{image_id} ({left.came})")
        raise
    gallery.delete(image_id)


def _finished(
    gallery: Gallery, image_id: str, seconds: float, deadline: float, report: Callable[[str], None]
) -> dict[str, Any]:
    """Return an image when its thumbnail and its annotation are ready."""
    waiting = dict(PARTS)
    while True:
        image = gallery.image(image_id)
        for part, function in list(waiting.items()):
            status, reason = image[part]["status"], image[part]["reason"]
            if status == "failed":
                raise GalleryError(
                    f"the {part} of image {image_id} to be ready", f"it has failed: {reason}", _look_at(function)
                )
            if status == "ready":
                report(f"its {part} is ready")
                del waiting[part]
        if not waiting:
            return image
        if time.monotonic() > deadline:
            raise GalleryError(
                f"{' and '.join(waiting)} of image {image_id} within {seconds:.0f} seconds",
                "the time limit was exceeded",
                " ".join(_look_at(function) for function in waiting.values()),
            )
        time.sleep(LOOK_SECONDS)


def _look_at(function: str) -> str:
    return f"Check the log and the dead letters of the function `{function}`; see docs/operations.md."


def _check_facts(image: dict[str, Any], data: bytes) -> None:
    expected = (picture.WIDTH, picture.HEIGHT, "image/png", len(data))
    found = (image["width"], image["height"], image["content_type"], image["bytes"])
    if found != expected:
        raise GalleryError(f"image {image['id']} to be {expected}", f"it is {found}", _look_at(PARTS["thumbnail"]))


def _check_thumbnail(gallery: Gallery, image: dict[str, Any]) -> str:
    """Check that the thumbnail is a complete WebP file with the picture's proportions; return its address."""
    url: str = image["thumbnail"]["url"]
    expected = f"the thumbnail of image {image['id']} to be a WebP picture of {picture.WIDTH}:{picture.HEIGHT}"
    try:
        width, height = webp_size(gallery.fetch(url, expected))
    except ValueError as error:
        raise GalleryError(expected, str(error), _look_at(PARTS["thumbnail"])) from error
    if abs(width * picture.HEIGHT - height * picture.WIDTH) > picture.WIDTH:  # tolerate a difference of one row
        raise GalleryError(expected, f"it is {width} x {height}", _look_at(PARTS["thumbnail"]))
    return url


def _check_annotation(image: dict[str, Any]) -> None:
    missing = [name for name in ("caption", "alt_text", "tags") if not image["annotation"][name]]
    if missing:
        raise GalleryError(
            f"an annotation of image {image['id']}", f"{', '.join(missing)} is missing", _look_at(PARTS["annotation"])
        )


def _check_pages(gallery: Gallery, image_id: str, token: str) -> None:
    gallery.page(f"/images/{image_id}")
    path = f"/?q={token}"  # the first page may be full of newer photos
    if f"/images/{image_id}" not in gallery.page(path):
        raise GalleryError(f"{gallery.url}{path} to list image {image_id}", "it does not", LOGS)


def _check_gone(gallery: Gallery, image_id: str, thumbnail: str) -> None:
    for place in (f"/api/images/{image_id}", f"/images/{image_id}", thumbnail):
        status = gallery.status(place)
        if status not in (403, 404):  # S3 answers 403 without permission to list the bucket
            raise GalleryError(f"image {image_id} to be gone", f"{without_signature(place)} answers {status}", LOGS)
