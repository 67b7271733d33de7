"""The gallery dies, or people press at the same time: no photo is lost, and nobody's words are mixed with another's."""

from __future__ import annotations

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
from support import gemini_server


@pytest.fixture
def cloud_of_faults(cloud_that_is_killed: World) -> World:
    return cloud_that_is_killed


@pytest.fixture(autouse=True)
def _mended(world: World) -> Iterator[None]:
    yield
    world.cloud.restart(print)


def at_once(*calls: Callable[[], requests.Response]) -> list[requests.Response]:
    """Send all requests at the same moment."""
    together = Barrier(len(calls))

    def call(send: Callable[[], requests.Response]) -> requests.Response:
        together.wait()
        return send()

    with ThreadPoolExecutor(len(calls)) as browsers:
        return list(browsers.map(call, calls))


def edit(world: World, photo: Photo, **words: Any) -> Callable[[], requests.Response]:
    return lambda: requests.patch(f"{world.cloud.gallery_url}/api/images/{photo.id}", json=words, timeout=10)


def test_a_photo_whose_gallery_died_while_it_was_sent_appears(world: World) -> None:
    picture = Picture()
    form = world.gallery.form("photo.jpg", "image/jpeg", 1)
    kill_parts(world, "gallery")
    assert world.gallery.post(form, picture.jpeg()).ok
    world.wait_until(lambda: world.row(Photo(form["id"], picture)) is not None, "the photo has no row")
    assert world.cloud.restart(print)
    world.verify([Photo(form["id"], picture)])


def test_a_completion_that_the_gallery_could_not_take_may_come_later_or_never(world: World) -> None:
    with held(world) as topic:
        completed, forgotten = photos = world.upload(2)
        messages = topic.receive(2)
        kill_parts(world, "gallery")
        with pytest.raises(requests.ConnectionError):
            world.gallery.complete(completed.id)
        assert world.cloud.restart(print)
        assert world.gallery.complete(completed.id).status_code == 200
        assert world.row(forgotten) is None
        topic.deliver(messages)
    world.verify(photos)


def test_two_browsers_that_edit_different_fields_both_have_their_way(world: World) -> None:
    photos = world.upload()
    world.verify(photos)
    for turn in range(5):
        words = {"caption": f"Caption {turn}", "alt_text": f"Alternative text {turn}", "tags": [f"tag {turn}"]}
        answers = at_once(*(edit(world, photos[0], **{name: text}) for name, text in words.items()))
        assert [answer.status_code for answer in answers] == [200] * 3
        row = world.row(photos[0])
        assert row is not None
        assert {"caption": row.caption, "alt_text": row.alt_text, "tags": list(row.tags)} == words


def test_of_two_browsers_that_edit_the_same_fields_one_has_its_way_in_all_of_them(world: World) -> None:
    photos = world.upload()
    world.verify(photos)
    for turn in range(5):
        said = {(f"{who} {turn}", f"{who} sees {turn}", (f"{who.lower()} {turn}",)) for who in ("Ada", "Bob", "Eve")}
        at_once(*(edit(world, photos[0], caption=one, alt_text=two, tags=list(tags)) for one, two, tags in said))
        row = world.row(photos[0])
        assert row is not None
        assert (row.caption, row.alt_text, row.tags) in said


def test_a_retry_pressed_many_times_at_once_asks_gemini_once(world: World) -> None:
    picture = Picture()
    world.gemini.answer(picture, gemini_server.blocked("SAFETY"))
    photo = world.upload_picture(picture)
    world.wait_until(lambda: settled(world.row(photo)), "the photo is pending")
    assert world.gemini.asked(picture) == 1
    answers = at_once(*[lambda: world.gallery.retry(photo.id)] * 8)
    assert {answer.status_code for answer in answers} == {202}
    world.verify([photo])
    assert world.gemini.asked(picture) == 2
