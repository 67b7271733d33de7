"""The cloud itself dies or stops in the middle of a burst: it goes on where it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from integration.faults.pictures import Photo
from integration.faults.processes import kill_parts
from integration.faults.world import World
from local_cloud.emulator import STOP_SECONDS

PHOTOS = 12


@pytest.fixture
def cloud_of_faults(cloud_that_is_killed: World) -> World:
    return cloud_that_is_killed


def burst(world: World) -> list[Photo]:
    """Upload photos at once, and return while the functions are at work on them."""
    with ThreadPoolExecutor(4) as browsers:
        uploaded = [photo for (photo,) in browsers.map(lambda _: world.upload(), range(PHOTOS))]
    world.wait_until(lambda: len(world.gemini.answers) > 0, "nobody is at work")
    assert not world.idle()
    return uploaded


def test_a_killed_emulator_goes_on_with_what_waited(world: World) -> None:
    photos = burst(world)
    kill_parts(world, "emulator")
    world.note_lost_answers(photos)
    assert world.cloud.restart(print)
    world.prepare()
    world.verify(photos)


def test_a_cloud_that_is_stopped_goes_on_with_what_waited_when_it_is_started(world: World) -> None:
    photos = burst(world)
    world.cloud.processes["emulator"].stop(STOP_SECONDS)  # first, while the rows can still be read
    world.note_lost_answers(photos)
    world.cloud.stop()
    world.cloud.start(print)
    world.prepare()
    world.verify(photos)


def test_a_machine_whose_power_is_cut_goes_on_with_what_waited_when_it_is_started(world: World) -> None:
    photos = burst(world)
    kill_parts(world, "emulator")
    world.note_lost_answers(photos)
    kill_parts(world, "gallery", "database")
    world.cloud.stop()
    world.cloud.start(print)
    world.prepare()
    world.verify(photos)
