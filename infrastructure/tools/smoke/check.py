"""The smoke test: upload one picture, check what becomes of it, delete it."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from smoke import picture
from smoke.errors import GalleryError
from smoke.gallery import LOGS, Gallery, without_signature
from smoke.webp import webp_size

POLL_SECONDS = 0.25
FUNCTIONS = {"thumbnail": "thumbnail", "annotation": "annotate"}
"""The Lambda function that makes each part of an image."""


def check(gallery: Gallery, version: str | None, seconds: float, report: Callable[[str], None]) -> None:
    """Upload a picture, check its thumbnail and caption, and delete it, even if a check fails.

    Args:
        gallery: the gallery.
        version: the version that it should run, if known.
        seconds: time limit for thumbnail and caption together, from the start of the upload.
        report: called with a line for each step.

    Raises:
        GalleryError: the gallery did not behave as expected.
    """
    gallery.check_ready()
    running = gallery.version()
    report(f"{gallery.url} is ready and runs version {running}")
    if version is not None and running != version:
        raise GalleryError(
            f"version {version}, which is pinned",
            f"the gallery still runs {running}",
            "Check whether the instance refresh has finished: see the Auto Scaling group, and `make status`.",
        )
    token = secrets.token_hex(8)
    filename = f"smoke-test-{token}.png"
    data = picture.draw(filename)
    form = gallery.ask_form(filename, "image/png", len(data))
    with _deleted_afterwards(gallery, form.id):
        deadline = time.monotonic() + seconds
        gallery.send(form, filename, data)
        gallery.complete(form.id)
        report(f"uploaded {filename} as image {form.id}")
        image = _finished(gallery, form.id, seconds, deadline, report)
        _check_facts(image, data)
        thumbnail = _check_thumbnail(gallery, image)
        _check_caption(image)
        _check_pages(gallery, form.id, token)
        report("the gallery lists the image")
    _check_deleted(gallery, form.id, thumbnail)
    report("deleted the image")


@contextmanager
def _deleted_afterwards(gallery: Gallery, image_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        try:
            gallery.delete(image_id)
        except GalleryError as failure:
            error.add_note(f"The test image could not be deleted: {gallery.url}/images/{image_id} ({failure.actual})")
        raise
    gallery.delete(image_id)


def _finished(
    gallery: Gallery, image_id: str, seconds: float, deadline: float, report: Callable[[str], None]
) -> dict[str, Any]:
    """Return an image once its thumbnail and its annotation are ready."""
    pending = dict(FUNCTIONS)
    while True:
        image = gallery.image(image_id)
        for part, function in list(pending.items()):
            status, reason = image[part]["status"], image[part]["reason"]
            if status == "failed":
                raise GalleryError(
                    f"the {part} of image {image_id} to be ready", f"it failed: {reason}", _see_log(function)
                )
            if status == "ready":
                report(f"the {part} is ready")
                del pending[part]
        if not pending:
            return image
        if time.monotonic() > deadline:
            raise GalleryError(
                f"{' and '.join(pending)} of image {image_id} within {seconds:.0f} seconds",
                "it timed out",
                " ".join(map(_see_log, pending.values())),
            )
        time.sleep(POLL_SECONDS)


def _see_log(function: str) -> str:
    return f"Check the log and the dead letters of the function `{function}`; docs/operations.md says where they are."


def _check_facts(image: dict[str, Any], data: bytes) -> None:
    expected = (picture.WIDTH, picture.HEIGHT, "image/png", len(data))
    found = (image["width"], image["height"], image["content_type"], image["bytes"])
    if found != expected:
        raise GalleryError(
            f"image {image['id']} to be {expected}", f"the gallery reports {found}", _see_log(FUNCTIONS["thumbnail"])
        )


def _check_thumbnail(gallery: Gallery, image: dict[str, Any]) -> str:
    """Check that the thumbnail is a complete WebP file with the proportions of the picture, and return its URL."""
    url: str = image["thumbnail"]["url"]
    expected = f"the thumbnail of image {image['id']} to be a WebP picture of {picture.WIDTH}:{picture.HEIGHT}"
    try:
        width, height = webp_size(gallery.fetch(url, expected))
    except ValueError as error:
        raise GalleryError(expected, str(error), _see_log(FUNCTIONS["thumbnail"])) from error
    if abs(width * picture.HEIGHT - height * picture.WIDTH) > picture.WIDTH:  # tolerates one row
        raise GalleryError(expected, f"it is {width} x {height}", _see_log(FUNCTIONS["thumbnail"]))
    return url


def _check_caption(image: dict[str, Any]) -> None:
    missing = [name for name in ("caption", "alt_text", "tags") if not image["annotation"][name]]
    if missing:
        raise GalleryError(
            f"a complete annotation of image {image['id']}",
            f"it lacks {', '.join(missing)}",
            _see_log(FUNCTIONS["annotation"]),
        )


def _check_pages(gallery: Gallery, image_id: str, token: str) -> None:
    gallery.page(f"/images/{image_id}")
    path = f"/?q={token}"  # newer uploads may fill the first page
    if f"/images/{image_id}" not in gallery.page(path):
        raise GalleryError(f"{gallery.url}{path} to list image {image_id}", "it does not", LOGS)


def _check_deleted(gallery: Gallery, image_id: str, thumbnail: str) -> None:
    for place in (f"/api/images/{image_id}", f"/images/{image_id}", thumbnail):
        status = gallery.status(place)
        if status not in (403, 404):  # S3 responds 403 if the caller may not list the bucket
            actual = f"{without_signature(place)} responded {status}"
            raise GalleryError(f"image {image_id} to be deleted", actual, LOGS)
