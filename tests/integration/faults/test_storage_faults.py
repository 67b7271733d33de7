"""Whatever S3 does to the functions, no photo is lost, mixed up or paid for twice, once it is well again."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.keys import upload_key
from integration.faults.invariant import is_for_people, ready, settled
from integration.faults.topic import held
from integration.faults.world import MAX_SWEEPS, World

READING: dict[str, Any] = {"service": "s3", "operation": "GetObject"}
WRITING: dict[str, Any] = {"service": "s3", "operation": "PutObject"}
SLOW_DOWN = {"code": "SlowDown", "status": 503, "message": "Please reduce your request rate."}
INTERNAL = {"code": "InternalError", "status": 500, "message": "We encountered an internal error."}
DENIED = {"code": "AccessDenied", "status": 403, "message": "Access Denied"}


@pytest.mark.parametrize("error", [SLOW_DOWN, INTERNAL], ids=lambda error: error["code"])
@pytest.mark.parametrize("call", [READING, WRITING], ids=lambda call: call["operation"])
def test_a_few_errors_are_not_noticed(world: World, call: dict[str, Any], error: dict[str, Any]) -> None:
    world.proxy.fail({**call, "error": error, "times": 2})
    photos = world.upload(2)
    world.wait_until(lambda: all(ready(world.row(photo)) for photo in photos), "photos are not ready")
    assert len(world.proxy.fired()) == 2
    assert world.dead_letters() == {}
    world.verify(photos)
    assert world.figures.sweeps == 0


@pytest.mark.parametrize("error", [SLOW_DOWN, DENIED], ids=lambda error: error["code"])
def test_errors_that_last_only_delay_photos(world: World, error: dict[str, Any]) -> None:
    world.proxy.fail({**READING, "error": error}, {**WRITING, "error": error})
    photos = world.upload(2)
    world.wait_until(lambda: set(world.dead_letters()) == {"thumbnail", "annotate"}, "functions have not given up")
    world.verify(photos)


def test_thumbnails_that_cannot_be_stored_only_delay_photos(world: World) -> None:
    world.proxy.fail({**WRITING, "error": DENIED})
    photos = world.upload(2)
    world.wait_until(lambda: set(world.dead_letters()) == {"thumbnail"}, "the function has not given up")
    world.verify(photos)


def test_photos_that_are_cut_off_while_they_are_read_are_read_again(world: World) -> None:
    world.proxy.fail({**READING, "response": {"abort_frac": 0.5}, "times": 2})
    photos = world.upload()
    world.wait_until(lambda: len(world.proxy.fired()) == 2, "the photo was not read by both")
    world.verify(photos)


def test_an_object_that_is_gone_before_it_is_read_leaves_no_row(world: World) -> None:
    with held(world) as topic:
        gone, kept = world.upload(2)
        messages = topic.receive(2)
        world.client("s3").delete_object(Bucket=world.bucket, Key=upload_key(gone.id))
        topic.deliver(messages)
    world.verify([kept])
    assert world.row(gone) is None
    assert world.gemini.asked(gone.picture) == 0


def test_a_photo_whose_object_somebody_removed_fails_with_a_reason(world: World) -> None:
    with held(world) as topic:
        gone, kept = world.upload(2)
        messages = topic.receive(2)
        assert world.gallery.complete(gone.id).status_code == 200
        world.client("s3").delete_object(Bucket=world.bucket, Key=upload_key(gone.id))
        topic.deliver(messages)
    for _ in range(MAX_SWEEPS):
        world.pass_hours()
        world.sweep()
    row = world.row(gone)
    assert row is not None
    assert settled(row)
    assert is_for_people(row.thumbnail_reason)
    assert is_for_people(row.annotation_reason)
    world.verify([kept])
