"""Many photos at once: none is lost or mixed up, and memory stays bounded."""

import io
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import requests
from PIL import Image

from local_cloud.cloud import LocalCloud
from support import photos
from support.gallery_client import GalleryClient
from support.gemini_server import GeminiServer

PHOTOS = 300
MEMORY_LIMIT = 2 * 1024**3

pytestmark = pytest.mark.local_cloud


class PeakMemory(threading.Thread):
    """Samples the memory of a process and its descendants, in bytes, until stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._stop_requested = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self._stop_requested.wait(0.1):
            self.peak = max(self.peak, sum(map(_resident, [self._process, *self._process.children(recursive=True)])))

    def stop(self) -> int:
        self._stop_requested.set()
        self.join()
        return self.peak


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def colour(number: int) -> tuple[int, int, int]:
    """Return one of 343 colours that are still distinct in a thumbnail."""
    return number % 7 * 40, number // 7 % 7 * 40, number // 49 * 40


def test_300_photos_at_once_get_their_own_thumbnail_and_one_caption_within_2_gigabytes(
    gallery: GalleryClient, gemini: GeminiServer, local_cloud: LocalCloud
) -> None:
    sizes = [(100 + number, 80) for number in range(PHOTOS)]
    files = [photos.encoded(Image.new("RGB", size, colour(number)), "PNG") for number, size in enumerate(sizes)]
    emulator = local_cloud.processes["emulator"].pid
    assert emulator is not None
    asked = len(gemini.requests)
    memory = PeakMemory(emulator)
    memory.start()
    with ThreadPoolExecutor(8) as browsers:
        ids = list(browsers.map(lambda data: gallery.upload(data, "one.png", "image/png"), files))
    images = [gallery.wait(image_id) for image_id in ids]
    peak = memory.stop()
    assert [(image["thumbnail"]["status"], image["annotation"]["status"]) for image in images] == [
        ("ready", "ready")
    ] * PHOTOS
    assert [image["annotation"]["caption"] for image in images] == [
        f"A photo of {width} by {height} pixels." for width, height in sizes
    ]
    assert Counter(request.picture.size for request in gemini.requests[asked:]) == dict.fromkeys(sizes, 1)
    for number, image in enumerate(images):
        data = requests.get(image["thumbnail"]["url"], timeout=10).content
        thumbnail = Image.open(io.BytesIO(data), formats=["WEBP"]).convert("RGB")
        assert thumbnail.size == sizes[number]
        found = thumbnail.resize((1, 1)).getpixel((0, 0))
        assert isinstance(found, tuple)
        assert max(abs(a - b) for a, b in zip(found, colour(number), strict=True)) < 20
    assert peak < MEMORY_LIMIT
