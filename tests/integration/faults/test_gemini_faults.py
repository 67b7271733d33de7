"""Whatever Gemini does, every photo gets its own caption, or a reason and a Retry that works."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from integration.faults.invariant import ready
from integration.faults.paid_gemini import described
from integration.faults.pictures import Photo, Picture
from integration.faults.world import TIMEOUT_SECONDS, World
from support import gemini_server
from support.gemini_server import DROP, Reply

OVERLOADED = gemini_server.failure(503, "UNAVAILABLE", "The model is overloaded.")
exhausted = partial(gemini_server.failure, 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.")
TOO_LONG = 2.0 * TIMEOUT_SECONDS


PASSING = {
    "429": [exhausted()],
    "429 with RetryInfo": [exhausted(retry_delay="1.5s")],
    "429 with a RetryInfo of an hour": [exhausted(retry_delay="3600s")],
    "429 with Retry-After": [exhausted(retry_after="1")],
    "500": [gemini_server.failure(500, "INTERNAL", "An internal error has occurred.")],
    "503": [OVERLOADED],
    "an HTML page": [Reply(502, b"<html><title>Error 502 (Server Error)!!1</title></html>")],
    "a dropped connection": [DROP],
    "malformed JSON": [Reply(200, b'{"candidates": [')],
    "an answer that is not JSON": [gemini_server.answer("Sure! Here is a caption: a wall.")],
    "an answer that is cut off": [gemini_server.answer('{"caption": "A wal', finish_reason="MAX_TOKENS")],
    "an answer of the wrong shape": [gemini_server.answer('{"caption": ["A wall."], "tags": "wall"}')],
    "an empty answer": [gemini_server.finished("STOP", parts=[])],
    "no candidate": [Reply(200, b'{"candidates": []}')],
    "an answer that is too slow": [Reply(200, b"{}", delay_seconds=TOO_LONG)],
    "an answer that drips": [replace(OVERLOADED, status=200, seconds_per_byte=TOO_LONG / len(OVERLOADED.body))],
}
"""Temporary failures of Gemini."""

REFUSALS = {
    "a blocked prompt": gemini_server.blocked("SAFETY"),
    "a blocked answer": gemini_server.finished("SAFETY"),
}
"""Permanent failures of Gemini."""


@pytest.fixture(scope="module")
def affected(cloud_of_faults: World) -> dict[str, Photo]:
    """Upload a photo for each fault at once, and wait until the functions have handled them."""
    world, photos = cloud_of_faults, {}
    for fault, replies in {**PASSING, **{fault: [reply] for fault, reply in REFUSALS.items()}}.items():
        picture = Picture()
        world.gemini.answer(picture, *replies)
        photos[fault] = world.upload_picture(picture)
    world.wait_idle()
    world.dead_letters()
    return photos


@pytest.mark.parametrize("fault", PASSING)
def test_a_photo_gets_its_caption_after(world: World, affected: dict[str, Photo], fault: str) -> None:
    photo = affected[fault]
    assert ready(world.row(photo)), "it should be ready without sweep or Retry"
    assert world.gemini.asked(photo.picture) == 2
    world.verify([photo])
    assert world.figures.dead_letters == 0
    world.figures.seconds = world.gemini.seconds(photo.picture)  # it was settled before this test


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_photo_fails_with_a_reason_after(world: World, affected: dict[str, Photo], fault: str) -> None:
    photo = affected[fault]
    row = world.row(photo)
    assert row is not None
    assert row.annotation_status == "failed"
    assert world.gemini.asked(photo.picture) == 1
    world.verify([photo])


def test_photos_wait_while_the_key_is_refused_and_a_new_key_is_enough(world: World) -> None:
    world.gemini.keys = {"AQ.another-key-of-faults"}
    photos = world.upload(2)
    world.wait_idle()
    for photo in photos:
        row = world.row(photo)
        assert row is not None
        assert row.annotation_status == "pending"
        assert row.annotate_at is not None
    world.change_key("AQ.the-new-key-of-faults")
    world.verify(photos)
    assert world.figures.dead_letters == 0


def test_an_outage_of_an_hour_is_repaired_by_the_sweep(world: World) -> None:
    world.gemini.outage = OVERLOADED
    photos = world.upload(2)
    world.pass_hours()
    world.sweep()
    world.wait_idle()
    assert {photo.id for photo in photos} <= set(world.dead_letters()["annotate"])
    world.verify(photos)


@pytest.mark.usefixtures("time_of_aws")
@pytest.mark.parametrize("pause", [{"retry_delay": "1.5s"}, {"retry_after": "2"}, {}], ids=str)
def test_one_delivery_is_enough_when_gemini_asks_for_a_short_pause(world: World, pause: dict[str, str]) -> None:
    picture = Picture()
    world.gemini.answer(picture, exhausted(**pause), OVERLOADED)
    photos = [world.upload_picture(picture)]
    world.verify(photos)
    assert world.figures.deliveries == 2, "one for each function"
    assert world.figures.requests == 3


def test_a_slow_answer_is_used(world: World) -> None:
    picture = Picture()
    world.gemini.answer(picture, described(picture, delay_seconds=1))
    photos = [world.upload_picture(picture)]
    world.verify(photos)
    assert world.figures.requests == 1
