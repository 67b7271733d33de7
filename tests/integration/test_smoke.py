"""The smoke test passes a gallery that works, and leaves nothing in it."""

from smoke.check import check
from smoke.gallery import Gallery
from support.clouds import ENVIRONMENT
from support.gallery_client import GalleryClient


def test_a_gallery_that_works_passes_and_is_left_as_it_was(gallery: GalleryClient) -> None:
    steps: list[str] = []
    check(Gallery(gallery.url), None if ENVIRONMENT else "working tree", 60, steps.append)
    uploaded = next(step for step in steps if step.startswith("uploaded smoke-test-"))
    assert gallery.image(uploaded.rpartition(" ")[2]) is None
    assert steps[-1] == "deleted it completely"
