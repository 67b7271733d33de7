"""The smoke test: one picture through the whole gallery, and away again."""

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
"""Part of an image, and the function that makes it."""


def check(gallery: Gallery, version: str | None, seconds: float, report: Callable[[str], None]) -> None:
    """Upload a picture, look at its thumbnail and its words, and delete it, whatever went wrong.

    Args:
        gallery: the gallery.
        version: the version that it should run, if that is known.
        seconds: how long thumbnail and words may take together, from the upload on.
        report: told of every step.

    Raises:
        GalleryError: the gallery did not do as it should.
    """
    gallery.check_ready()
    runs = gallery.version()
    report(f"{gallery.url} is ready, and runs version {runs}")
    if version is not None and runs != version:
        raise GalleryError(
            f"version {version}, which is pinned",
            f"the gallery still runs {runs}",
            "Are the instances refreshed? Look at the Auto Scaling group, and at `make status`.",
        )
    token = secrets.token_hex(8)
    filename = f"smoke-test-{token}.png"
    data = picture.draw(filename)
    form = gallery.ask_form(filename, "image/png", len(data))
    with _deleted_in_the_end(gallery, form.id):
        deadline = time.monotonic() + seconds
        gallery.send(form, filename, data)
        gallery.complete(form.id)
        report(f"uploaded {filename} as image {form.id}")
        image = _finished(gallery, form.id, seconds, deadline, report)
        _check_facts(image, data)
        thumbnail = _check_thumbnail(gallery, image)
        _check_words(image)
        _check_pages(gallery, form.id, token)
        report("the gallery shows it, with its words")
    _check_gone(gallery, form.id, thumbnail)
    report("deleted it, and nothing is left")


@contextmanager
def _deleted_in_the_end(gallery: Gallery, image_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        try:
            gallery.delete(image_id)
        except GalleryError as left:
            error.add_note(f"Its picture is left, too: {gallery.url}/images/{image_id} ({left.came})")
        raise
    gallery.delete(image_id)


def _finished(
    gallery: Gallery, image_id: str, seconds: float, deadline: float, report: Callable[[str], None]
) -> dict[str, Any]:
    """Return an image when its thumbnail and its words are ready."""
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
                "nothing came",
                " ".join(_look_at(function) for function in waiting.values()),
            )
        time.sleep(LOOK_SECONDS)


def _look_at(function: str) -> str:
    return f"Look at the log and the dead letters of the function `{function}`; docs/operations.md says where they are."


def _check_facts(image: dict[str, Any], data: bytes) -> None:
    expected = (picture.WIDTH, picture.HEIGHT, "image/png", len(data))
    found = (image["width"], image["height"], image["content_type"], image["bytes"])
    if found != expected:
        raise GalleryError(
            f"image {image['id']} to be {expected}", f"the gallery says {found}", _look_at(PARTS["thumbnail"])
        )


def _check_thumbnail(gallery: Gallery, image: dict[str, Any]) -> str:
    """Return the address of a thumbnail that is a whole WebP file with the proportions of the picture."""
    url: str = image["thumbnail"]["url"]
    expected = f"the thumbnail of image {image['id']} to be a WebP picture of {picture.WIDTH}:{picture.HEIGHT}"
    try:
        width, height = webp_size(gallery.fetch(url, expected))
    except ValueError as error:
        raise GalleryError(expected, str(error), _look_at(PARTS["thumbnail"])) from error
    if abs(width * picture.HEIGHT - height * picture.WIDTH) > picture.WIDTH:  # one row more or less
        raise GalleryError(expected, f"it is {width} x {height}", _look_at(PARTS["thumbnail"]))
    return url


def _check_words(image: dict[str, Any]) -> None:
    missing = [name for name in ("caption", "alt_text", "tags") if not image["annotation"][name]]
    if missing:
        raise GalleryError(
            f"words about image {image['id']}", f"{', '.join(missing)} is missing", _look_at(PARTS["annotation"])
        )


def _check_pages(gallery: Gallery, image_id: str, token: str) -> None:
    gallery.page(f"/images/{image_id}")
    path = f"/?q={token}"  # others may have uploaded a page full of photos meanwhile
    if f"/images/{image_id}" not in gallery.page(path):
        raise GalleryError(f"{gallery.url}{path} to list image {image_id}", "it does not", LOGS)


def _check_gone(gallery: Gallery, image_id: str, thumbnail: str) -> None:
    for place in (f"/api/images/{image_id}", f"/images/{image_id}", thumbnail):
        status = gallery.status(place)
        if status not in (403, 404):  # S3 answers 403 to those who may not list the bucket
            raise GalleryError(f"image {image_id} to be gone", f"{without_signature(place)} answers {status}", LOGS)
