"""Whatever happens to a function at work, the photo that it worked on ends as it should."""

from __future__ import annotations

import io
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from PIL import Image

import photos
from integration.faults.invariant import ready
from integration.faults.paid_gemini import described
from integration.faults.pictures import Photo, Picture
from integration.faults.processes import kill, processes_of
from integration.faults.world import ANNOTATE_SECONDS, World

LONGER_THAN_A_TEST = 60.0
READING = {"service": "s3", "operation": "GetObject"}


def test_a_function_killed_while_gemini_answers_leaves_nothing_undone(world: World) -> None:
    picture = Picture()
    world.gemini.answer(picture, described(picture, delay_seconds=LONGER_THAN_A_TEST))
    photo = world.upload_picture(picture)
    world.wait_until(lambda: world.gemini.asked(picture) == 1, "Gemini was not asked")
    kill(world, "annotate")
    world.verify([photo])


@pytest.mark.parametrize("name", ["thumbnail", "annotate"])
def test_a_function_killed_while_it_reads_a_photo_leaves_nothing_undone(world: World, name: str) -> None:
    world.proxy.fail({**READING, "latency": LONGER_THAN_A_TEST * 1000, "times": 2})
    photo = world.upload()
    world.wait_until(lambda: len(world.proxy.fired()) == 2, "the photo was not read")
    kill(world, name)
    world.proxy.clear()
    world.verify(photo)


def test_a_function_that_lacks_memory_is_tried_again(world: World) -> None:
    world.verify(world.upload())  # so that processes wait for work
    for process in processes_of(world, "thumbnail"):
        enough = process.memory_info().vms + 16 * 1024**2
        process.rlimit(resource.RLIMIT_AS, (enough, enough))
    picture = Picture()
    large = photos.encoded(Image.new("RGB", (4000, 3000), picture.colour), "JPEG", quality=90)
    photo = Photo(world.gallery.upload(large), picture)
    world.settle([photo])
    assert ready(world.row(photo))
    world.verify([photo])


@pytest.mark.parametrize("name", ["thumbnail", "annotate"])
def test_a_function_that_takes_too_long_is_ended_and_its_photo_is_not_lost(world: World, name: str) -> None:
    world.proxy.fail({**READING, "latency": 2000 * ANNOTATE_SECONDS, "times": 2})
    world.verify(world.upload())


@contextmanager
def broken_release(world: World, name: str) -> Iterator[None]:
    """Send events to a release that does not even start, until the block ends."""
    functions, function = world.client("lambda"), world.function(name)
    good = functions.get_function(FunctionName=function)["Code"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr(f"{name}/__init__.py", "")
        files.writestr(f"{name}/handler.py", "import a_package_that_was_forgotten\n")
    functions.update_function_code(FunctionName=function, ZipFile=archive.getvalue())
    before = world.release(name, {})
    try:
        yield
    finally:
        world.point_to(name, before)
        assert good


@pytest.mark.parametrize("repair", ["redrive", "sweep"])
@pytest.mark.parametrize("name", ["thumbnail", "annotate"])
def test_photos_of_a_broken_release_are_repaired_after_the_roll_back_by(world: World, name: str, repair: str) -> None:
    with broken_release(world, name):
        photo, *_ = uploaded = world.upload(2)
        world.wait_until(world.idle, "events wait")
        assert photo.id in world.dead_letters()[name]
        assert not ready(world.row(photo))
    if repair == "redrive":
        world.redrive()
        assert ready(world.row(photo))
    world.verify(uploaded)


def test_a_release_in_the_middle_of_work_loses_and_repeats_nothing(world: World) -> None:
    pictures = [Picture() for _ in range(2)]
    for picture in pictures:
        world.gemini.answer(picture, described(picture, delay_seconds=3))
    before = [world.upload_picture(picture) for picture in pictures]
    world.wait_until(lambda: all(world.gemini.asked(picture) for picture in pictures), "Gemini was not asked")
    world.release("annotate", {"LANGUAGE": "en-GB"})
    world.verify(before + world.upload(2))
