"""The cloud dies or stops during a burst of uploads, and then finishes the work."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from integration.faults.pictures import Photo
from integration.faults.processes import kill_parts
from integration.faults.world import World
from local_cloud.emulator import STOP_SECONDS
from support.waiting import wait_until

pytestmark = pytest.mark.kills_processes

PHOTOS = 12


def burst(world: World) -> list[Photo]:
    """Upload photos at once, and return while the functions are working on them."""
    with ThreadPoolExecutor(4) as browsers:
        uploaded = [photo for (photo,) in browsers.map(lambda _: world.upload(), range(PHOTOS))]
    wait_until(lambda: len(world.gemini.answers) > 0, "no function is at work")
    assert not world.idle()
    return uploaded


def test_a_killed_emulator_resumes_queued_events(world: World) -> None:
    photos = burst(world)
    kill_parts(world, "emulator")
    world.note_lost_answers(photos)
    assert world.cloud.restart(print)
    world.prepare()
    world.verify(photos)


def test_a_stopped_cloud_resumes_queued_events(world: World) -> None:
    photos = burst(world)
    world.cloud.processes["emulator"].stop(STOP_SECONDS)  # before the database, so that rows can still be read
    world.note_lost_answers(photos)
    world.cloud.stop()
    world.cloud.start(print)
    world.prepare()
    world.verify(photos)


def test_a_cloud_resumes_queued_events_after_a_power_cut(world: World) -> None:
    photos = burst(world)
    kill_parts(world, "emulator")
    world.note_lost_answers(photos)
    kill_parts(world, "gallery", "database")
    world.cloud.stop()
    world.cloud.start(print)
    world.prepare()
    world.verify(photos)
