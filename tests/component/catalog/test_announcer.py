"""The queue, which announces its photos, and the tasks of an operator that fill it."""

from dataclasses import replace

import pytest

from catalog import images, pause, queue
from catalog.keys import upload_key
from catalog.pending import MAX_RESENT, RESEND_MINUTES
from catalog_functions import announcer
from catalog_functions.announcer import Announced
from catalog_functions.sweep import handle, tasks
from catalog_functions.sweeper import Outcome
from support.catalog_rows import ANNOTATION, THUMBNAIL, row
from support.lambda_context import fresh_process
from support.sweep_world import World


def queued(world: World) -> str:
    """Store a photo that waits in the queue because annotation was paused."""
    photo = world.swept()
    world.announced()
    assert queue.postpone(world.connection, photo, row(world.connection, photo).etag)
    return photo


def test_a_photo_of_the_queue_is_announced_once(world: World) -> None:
    photo = queued(world)
    assert world.announcer.run() == Announced(annotation_paused=0, queued_images=0, announced_images=1)
    assert world.announced() == [upload_key(photo)]
    assert world.announcer.run().announced_images == 0


def test_the_queue_drains_at_a_bounded_rate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcer, "MAX_PHOTOS", 2)
    for _ in range(3):
        queued(world)
    assert [world.announcer.run().announced_images for _ in range(3)] == [2, 1, 0]


def test_a_pause_stops_the_queue_until_the_next_attempt_with_one_photo(world: World) -> None:
    for _ in range(3):
        queued(world)
    pause.start(world.connection, "key", "401")
    assert world.announcer.run() == Announced(annotation_paused=1, queued_images=3, announced_images=0)
    world.wait(2)
    assert world.announcer.run() == Announced(annotation_paused=1, queued_images=2, announced_images=1)
    pause.end(world.connection)
    assert world.announcer.run().announced_images == 2


def test_an_operator_can_try_again_at_once(world: World) -> None:
    photo = queued(world)
    pause.start(world.connection, "key", "401")
    assert handle({"task": "announce"}, None)["announced_images"] == 0
    assert handle({"task": "resume"}, None)["announced_images"] == 1
    assert world.announced() == [upload_key(photo)]


def test_the_sweep_leaves_photos_of_the_queue_alone(world: World) -> None:
    photo = queued(world)
    images.thumbnail_ready(world.connection, photo, row(world.connection, photo).etag, THUMBNAIL)
    for _ in range(MAX_RESENT + 1):
        world.wait(RESEND_MINUTES + 1)
        assert world.sweeper.run() == Outcome(0, 0, 0)
    assert row(world.connection, photo).annotation_status == "pending"


def offline(world: World) -> str:
    photo = world.swept()
    world.announced()
    annotation = replace(ANNOTATION, model="offline-tagger")
    images.annotation_ready(world.connection, photo, row(world.connection, photo).etag, annotation)
    return photo


def test_photos_of_the_offline_tagger_are_announced_if_the_operator_enables_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = offline(world)
    assert handle({"task": "announce"}, None)["announced_images"] == 0
    monkeypatch.setenv("ANNOTATE_OFFLINE_PHOTOS", "true")
    with fresh_process(tasks):
        assert handle({"task": "announce"}, None)["announced_images"] == 1
    assert world.announced() == [upload_key(photo)]


@pytest.mark.parametrize(("apply", "queue_size"), [(False, 0), (True, 1)])
def test_an_operator_counts_photos_before_they_are_annotated_again(world: World, apply: bool, queue_size: int) -> None:
    offline(world)
    answer = handle({"task": "annotate", "where": "model:offline", "apply": apply}, None)
    assert answer == {"images": 1, "usd": str(queue.TYPICAL_USD)}
    assert queue.size(world.connection) == queue_size


@pytest.mark.parametrize(("apply", "status"), [(False, "failed"), (True, "pending")])
def test_an_operator_counts_failed_photos_before_they_are_retried(world: World, apply: bool, status: str) -> None:
    photo = world.swept()
    images.annotation_failed(world.connection, photo, row(world.connection, photo).etag, "Blocked.")
    assert handle({"task": "retry", "where": "reason:Blocked", "apply": apply}, None) == {"images": 1}
    assert row(world.connection, photo).annotation_status == status


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"task": "annotate", "where": "colour:red"}, "unknown term 'colour:red'"),
        ({"task": "annotate"}, "select photos by state:"),
        ({"task": "sing"}, "unknown task; available: announce, resume, annotate, retry"),
    ],
)
def test_a_mistake_of_an_operator_is_explained(world: World, event: dict[str, str], message: str) -> None:
    assert message in handle(event, None)["error"]
