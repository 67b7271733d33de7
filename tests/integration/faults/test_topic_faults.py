"""Whatever SNS does with its messages, no photo is lost, mixed up or paid for twice."""

import pytest

from integration.faults.paid_gemini import described
from integration.faults.pictures import Photo, Picture
from integration.faults.topic import held
from integration.faults.world import MAX_SWEEPS, World


def test_delayed_messages_only_delay_photos(world: World) -> None:
    with held(world) as topic:
        photos = world.upload(3)
        for photo in photos:
            assert world.gallery.complete(photo.id).status_code == 200
        topic.deliver(topic.receive(3))
    world.verify(photos)


def test_messages_in_any_number_are_worked_on_once(world: World) -> None:
    pictures = [Picture() for _ in range(3)]
    for picture in pictures:  # slowly, so that deliveries meet
        world.gemini.answer(picture, *[described(picture, delay_seconds=1)] * 4)
    with held(world) as topic:
        photos = [world.upload_picture(picture) for picture in pictures]
        topic.deliver([message for message in topic.receive(3) for _ in range(4)])
    world.verify(photos)


def test_of_two_photos_under_one_key_the_later_wins_in_whatever_order_they_are_announced(world: World) -> None:
    with held(world) as topic:
        form = world.gallery.form("replaced.jpg", "image/jpeg", 1)
        earlier, later = Picture(), Picture()
        for picture in (earlier, later):
            assert world.gallery.post(form, picture.jpeg()).ok
        topic.deliver(topic.receive(2)[::-1])
    world.verify([Photo(form["id"], later)])
    assert world.gemini.asked(earlier) == 0


def test_messages_about_a_deleted_photo_do_not_bring_it_back(world: World) -> None:
    with held(world) as topic:
        deleted, kept = world.upload(2)
        messages = topic.receive(2)
        assert world.gallery.complete(deleted.id).status_code == 200
        assert world.gallery.delete(deleted.id).status_code == 204
        topic.deliver(messages)
    world.verify([kept])
    assert world.gallery.image(deleted.id) is None
    assert world.gemini.asked(deleted.picture) == 0


@pytest.mark.parametrize("completed", [True, False], ids=["with a row", "without a row"])
def test_the_sweep_finds_photos_that_nobody_announced(world: World, completed: bool) -> None:
    with held(world) as topic:
        photos = world.upload(3)
        topic.receive(3)
        for photo in photos:
            if completed:
                assert world.gallery.complete(photo.id).status_code == 200
            else:
                assert world.row(photo) is None
    world.verify(photos)
    assert world.figures.sweeps > 0


def test_photos_that_the_sweep_sent_in_vain_for_hours_fail_with_a_reason(world: World) -> None:
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
