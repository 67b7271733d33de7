"""Whatever SNS does with messages, no photo is lost, mixed up or paid for twice."""

import pytest

from integration.faults.paid_gemini import described
from integration.faults.pictures import Photo, Picture
from integration.faults.topic import held
from integration.faults.world import MAX_SWEEPS, World


def test_delayed_messages_only_delay_photos(world: World) -> None:
    with held(world) as topic:
        photos = world.upload(3)
        for photo in photos:
            world.gallery.complete(photo.id)
        topic.deliver(topic.receive(3))
    world.verify(photos)


def test_repeated_messages_are_handled_once(world: World) -> None:
    pictures = [Picture() for _ in range(3)]
    for picture in pictures:  # slowly, so that deliveries overlap
        world.gemini.answer(picture, *[described(picture, delay_seconds=1)] * 4)
    with held(world) as topic:
        photos = [world.upload_picture(picture) for picture in pictures]
        topic.deliver([message for message in topic.receive(3) for _ in range(4)])
    world.verify(photos)


def test_the_later_of_two_photos_under_one_key_wins_in_any_order_of_messages(world: World) -> None:
    with held(world) as topic:
        form = world.gallery.ask_form("replaced.jpg", "image/jpeg", 1)
        earlier, later = Picture(), Picture()
        for picture in (earlier, later):
            assert world.gallery.post(form, picture.jpeg()).status < 300
        topic.deliver(topic.receive(2)[::-1])
    world.verify([Photo(form.id, later)])
    assert world.gemini.asked(earlier) == 0


def test_messages_about_a_deleted_photo_do_not_bring_it_back(world: World) -> None:
    with held(world) as topic:
        deleted, kept = world.upload(2)
        messages = topic.receive(2)
        world.gallery.complete(deleted.id)
        world.gallery.delete(deleted.id)
        topic.deliver(messages)
    world.verify([kept])
    assert world.gallery.find(deleted.id) is None
    assert world.gemini.asked(deleted.picture) == 0


@pytest.mark.parametrize("completed", [True, False], ids=["with a row", "without a row"])
def test_the_sweep_finds_photos_that_were_not_announced(world: World, completed: bool) -> None:
    with held(world) as topic:
        photos = world.upload(3)
        topic.receive(3)
        for photo in photos:
            if completed:
                world.gallery.complete(photo.id)
            else:
                assert world.row(photo) is None
    world.verify(photos)
    assert world.figures.sweeps > 0


def test_photos_that_the_sweep_resent_for_hours_fail_with_a_reason(world: World) -> None:
    with held(world) as topic:
        (photo,) = world.upload()
        topic.receive(1)
        for _ in range(MAX_SWEEPS):
            world.pass_hours()
            world.sweep()
    row = world.row(photo)
    assert row is not None
    assert (row.thumbnail_status, row.annotation_status) == ("failed", "failed")
    world.verify([photo])
