"""The gallery dies, or requests arrive at the same time: no photo is lost, and edits are not mixed up."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import requests

from integration.faults.invariant import settled
from integration.faults.pictures import Photo, Picture
from integration.faults.processes import kill_parts
from integration.faults.topic import held
from integration.faults.world import World
from smoke.errors import UnreachableError
from support import gemini_server
from support.waiting import wait_until

pytestmark = pytest.mark.kills_processes


@pytest.fixture(autouse=True)
def _restarted(world: World) -> Iterator[None]:
    yield
    world.cloud.restart(print)


def at_once(*calls: Callable[[], int]) -> list[int]:
    """Send all requests at the same moment, and return the response statuses."""
    together = Barrier(len(calls))

    def call(send: Callable[[], int]) -> int:
        together.wait()
        return send()

    with ThreadPoolExecutor(len(calls)) as browsers:
        return list(browsers.map(call, calls))


def edit(world: World, photo: Photo, **fields: Any) -> Callable[[], int]:
    url = f"{world.cloud.gallery_url}/api/images/{photo.id}"
    return lambda: requests.patch(url, json=fields, timeout=10).status_code


def test_a_photo_appears_although_the_gallery_died_during_its_upload(world: World) -> None:
    picture = Picture()
    form = world.gallery.ask_form("photo.jpg", "image/jpeg", 1)
    kill_parts(world, "gallery")
    assert world.gallery.post(form, picture.jpeg()).status < 300
    wait_until(lambda: world.row(Photo(form.id, picture)) is not None, "the photo has no row")
    assert world.cloud.restart(print)
    world.verify([Photo(form.id, picture)])


def test_a_failed_completion_call_may_be_repeated_or_omitted(world: World) -> None:
    with held(world) as topic:
        completed, forgotten = photos = world.upload(2)
        messages = topic.receive(2)
        kill_parts(world, "gallery")
        with pytest.raises(UnreachableError):
            world.gallery.complete(completed.id)
        assert world.cloud.restart(print)
        world.gallery.complete(completed.id)
        assert world.row(forgotten) is None
        topic.deliver(messages)
    world.verify(photos)


def test_simultaneous_edits_of_different_fields_are_all_kept(world: World) -> None:
    photos = world.upload()
    world.verify(photos)
    for turn in range(5):
        words = {"caption": f"Caption {turn}", "alt_text": f"Alternative text {turn}", "tags": [f"tag {turn}"]}
        answers = at_once(*(edit(world, photos[0], **{name: text}) for name, text in words.items()))
        assert answers == [200] * 3
        row = world.row(photos[0])
        assert row is not None
        assert {"caption": row.caption, "alt_text": row.alt_text, "tags": list(row.tags)} == words


def test_one_of_several_simultaneous_edits_wins_in_all_fields(world: World) -> None:
    photos = world.upload()
    world.verify(photos)
    for turn in range(5):
        said = {(f"{who} {turn}", f"{who} sees {turn}", (f"{who.lower()} {turn}",)) for who in ("Ada", "Bob", "Eve")}
        at_once(*(edit(world, photos[0], caption=one, alt_text=two, tags=list(tags)) for one, two, tags in said))
        row = world.row(photos[0])
        assert row is not None
        assert (row.caption, row.alt_text, row.tags) in said


def test_simultaneous_retries_call_gemini_once(world: World) -> None:
    picture = Picture()
    world.gemini.answer(picture, gemini_server.blocked("SAFETY"))
    photo = world.upload_picture(picture)
    wait_until(lambda: settled(world.row(photo)), "the photo is still pending")
    assert world.gemini.asked(picture) == 1
    assert at_once(*[lambda: world.gallery.retry(photo.id)] * 8) == [202] * 8
    world.verify([photo])
    assert world.gemini.asked(picture) == 2
