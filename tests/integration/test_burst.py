"""Many photos at once: none is lost, and memory stays bounded."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psutil

import photos
from gallery_client import GalleryClient
from local_cloud.cloud import LocalCloud

PHOTOS = 200
MEMORY_LIMIT = 2 * 1024**3


class PeakMemory(threading.Thread):
    """Samples the memory of a process and its descendants, in bytes, until it is stopped."""

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


def test_a_burst_of_200_photos_is_finished_within_2_gigabytes(gallery: GalleryClient, cloud: LocalCloud) -> None:
    files = [photos.jpeg(seed=seed) for seed in range(10)]
    emulator = cloud.processes["emulator"].pid
    assert emulator is not None
    memory = PeakMemory(emulator)
    memory.start()
    with ThreadPoolExecutor(8) as browsers:
        ids = list(browsers.map(lambda number: gallery.upload(files[number % 10]), range(PHOTOS)))
    statuses = {(image["thumbnail"]["status"], image["annotation"]["status"]) for image in map(gallery.wait, ids)}
    assert statuses == {("ready", "ready")}
    assert memory.stop() < MEMORY_LIMIT
