"""The smoke test passes on a working gallery and leaves nothing behind."""

from smoke.check import check
from smoke.gallery import Gallery
from support.clouds import ENVIRONMENT
from support.gallery_client import GalleryClient


def test_working_gallery_passes_and_is_unchanged(gallery: GalleryClient) -> None:
    steps: list[str] = []
    check(Gallery(gallery.url), None if ENVIRONMENT else "working tree", 60, steps.append)
    uploaded = next(step for step in steps if step.startswith("uploaded smoke-test-"))
    assert gallery.find(uploaded.rpartition(" ")[2]) is None
    assert steps[-1] == "deleted the image"
