"""The command `demo`: uploads sample photos to a running gallery as a browser does, and prints the results."""

import mimetypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from uv import find_uv_bin

from local_cloud import LocalCloudError
from servers import REPOSITORY
from smoke.errors import UnreachableError
from smoke.gallery import Gallery

SAMPLES = REPOSITORY / ".local" / "samples"
REQUIREMENTS = REPOSITORY / "localstack" / "demo.txt"
WAIT_SECONDS = 180.0

PHOTOS = {
    "astronaut.png": "astronaut.png",  # NASA, public domain
    "chelsea.png": "cat.png",  # Stefan van der Walt, CC0
    "coffee.png": "coffee.png",  # Rachel Michetti, CC0
    "rocket.jpg": "rocket.jpg",  # SpaceX, CC0
    "motorcycle_left.png": "motorcycle.png",  # Middlebury stereo benchmark, CC0
    "hubble_deep_field.jpg": "galaxies.jpg",  # NASA, public domain
    "camera.png": "photographer.png",  # Lav Varshney, CC0
}
"""File names in skimage.data and in the gallery; the credits are from the documentation of skimage.data."""


@click.command
@click.option("--port", default=8080, show_default=True, help="Port of the gallery.")
def demo(port: int) -> None:
    """Upload sample photos to the running gallery."""
    upload_samples(Gallery(f"http://127.0.0.1:{port}"), click.echo)


def upload_samples(gallery: Gallery, report: Callable[[str], None]) -> None:
    """Upload the sample photos and report each result as soon as it is available.

    Raises:
        LocalCloudError: the gallery is not running, the samples cannot be fetched, or a result takes too long.
        GalleryError: the gallery refuses a photo.
    """
    try:
        gallery.check_ready()
    except UnreachableError as error:
        raise LocalCloudError(
            f"No gallery answers at {gallery.url}. Start it with `make up` in another terminal."
        ) from error
    waiting = {}
    for photo in sample_photos(report):
        content_type = mimetypes.guess_type(photo)[0] or ""
        data = photo.read_bytes()
        form = gallery.ask_form(photo.name, content_type, len(data))
        gallery.send(form, photo.name, data)
        gallery.complete(form.id)
        waiting[form.id] = photo.name
    report(f"{len(waiting)} photos uploaded to {gallery.url}")
    deadline = time.monotonic() + WAIT_SECONDS
    while waiting:
        for image_id, name in list(waiting.items()):
            image = gallery.image(image_id)
            if "pending" not in (image["thumbnail"]["status"], image["annotation"]["status"]):
                report(f"  {name}: {_result(image)}")
                del waiting[image_id]
        if time.monotonic() > deadline:
            raise LocalCloudError(
                f"Still pending after {WAIT_SECONDS:.0f} seconds: {', '.join(waiting.values())}. "
                f"Log of the functions: {REPOSITORY / '.local' / 'logs' / 'emulator.log'}"
            )
        time.sleep(0.2)


def sample_photos(report: Callable[[str], None]) -> list[Path]:
    """Return the sample photos; fetch them first if they are not in `.local/samples`.

    Raises:
        LocalCloudError: they cannot be fetched.
    """
    photos = [SAMPLES / name for name in PHOTOS.values()]
    if not all(photo.is_file() for photo in photos):
        report("Fetching sample photos, 14 MB")
        SAMPLES.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=SAMPLES) as package:
            _install(Path(package))
            for source, name in PHOTOS.items():
                shutil.move(Path(package) / "skimage" / "data" / source, SAMPLES / name)
    return photos


def _install(target: Path) -> None:
    command = [
        *(find_uv_bin(), "pip", "install", "--quiet", "--no-cache", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28"),
        *("--target", str(target), "--requirements", str(REQUIREMENTS)),
    ]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode != 0:
        raise LocalCloudError(f"The sample photos cannot be fetched:\n{installed.stderr.strip()}")


def _result(image: dict[str, Any]) -> str:
    thumbnail, annotation = image["thumbnail"], image["annotation"]
    words = annotation["caption"] if annotation["status"] == "ready" else f"no caption: {annotation['reason']}"
    size = f"{image['width']} x {image['height']}"
    return f"{size}, {words}" if thumbnail["status"] == "ready" else f"no thumbnail: {thumbnail['reason']}, {words}"
