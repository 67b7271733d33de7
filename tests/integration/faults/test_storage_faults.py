"""After any fault of S3, no photo is lost, mixed up or paid for twice."""

from typing import Any

import pytest

from catalog.keys import upload_key
from integration.faults.invariant import is_for_people, ready, settled
from integration.faults.topic import held
from integration.faults.world import MAX_SWEEPS, World
from support.waiting import wait_until

READING: dict[str, Any] = {"service": "s3", "operation": "GetObject"}
WRITING: dict[str, Any] = {"service": "s3", "operation": "PutObject"}
SLOW_DOWN = {"code": "SlowDown", "status": 503, "message": "Please reduce your request rate."}
INTERNAL = {"code": "InternalError", "status": 500, "message": "We encountered an internal error."}
BOTH = {"thumbnail", "annotate"}
DENIED = {"code": "AccessDenied", "status": 403, "message": "Access Denied"}


@pytest.mark.parametrize("error", [SLOW_DOWN, INTERNAL], ids=lambda error: error["code"])
@pytest.mark.parametrize("call", [READING, WRITING], ids=lambda call: call["operation"])
def test_a_few_errors_have_no_effect(world: World, call: dict[str, Any], error: dict[str, Any]) -> None:
    world.proxy.fail({**call, "error": error, "times": 2})
    photos = world.upload(2)
    wait_until(lambda: all(ready(world.row(photo)) for photo in photos), "the photos are not ready")
    assert len(world.proxy.fired()) == 2
    assert world.dead_letters() == {}
    world.verify(photos)
    assert world.figures.sweeps == 0


@pytest.mark.parametrize(
    ("rules", "failing"),
    [
        pytest.param([{**READING, "error": SLOW_DOWN}, {**WRITING, "error": SLOW_DOWN}], BOTH, id="SlowDown"),
        pytest.param([{**READING, "error": DENIED}, {**WRITING, "error": DENIED}], BOTH, id="AccessDenied"),
        pytest.param([{**WRITING, "error": DENIED}], {"thumbnail"}, id="AccessDenied to write"),
    ],
)
def test_lasting_errors_only_delay_photos(world: World, rules: list[dict[str, Any]], failing: set[str]) -> None:
    world.proxy.fail(*rules)
    photos = world.upload(2)
    wait_until(lambda: set(world.dead_letters()) == failing, "the functions have not given up")
    world.verify(photos)


def test_truncated_reads_are_repeated(world: World) -> None:
    world.proxy.fail({**READING, "response": {"abort_frac": 0.5}, "times": 2})
    photos = world.upload()
    wait_until(lambda: len(world.proxy.fired()) == 2, "not both functions have read the photo")
    world.verify(photos)


def test_an_object_deleted_before_it_is_read_leaves_no_row(world: World) -> None:
    with held(world) as topic:
        gone, kept = world.upload(2)
        messages = topic.receive(2)
        world.client("s3").delete_object(Bucket=world.bucket, Key=upload_key(gone.id))
        topic.deliver(messages)
    world.verify([kept])
    assert world.row(gone) is None
    assert world.gemini.asked(gone.picture) == 0


def test_a_photo_whose_object_was_deleted_fails_with_a_reason(world: World) -> None:
    with held(world) as topic:
        gone, kept = world.upload(2)
        messages = topic.receive(2)
        world.gallery.complete(gone.id)
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
