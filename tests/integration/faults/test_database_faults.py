"""Whatever the database does, no photo is lost, mixed up or paid for twice, once it is well again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests

from catalog.migrate import Migration, migrate, own_migrations
from integration.faults.paid_gemini import described
from integration.faults.pictures import Photo, Picture
from integration.faults.world import TIMEOUT_SECONDS, World

LONG_SECONDS = 3.0
"""Longer than an event waits between two tries, so that a fault meets several."""


@pytest.fixture
def cloud_of_faults(cloud_that_is_killed: World) -> World:
    return cloud_that_is_killed


def end_database(world: World, how: signal.Signals) -> None:
    database = world.cloud.processes["database"]
    assert database.pid is not None
    os.kill(database.pid, how)
    world.wait_until(lambda: database.exit_code() is not None, "the database runs")


def slow_answers(world: World, count: int, seconds: float = 2) -> list[Photo]:
    """Upload photos about which Gemini thinks for some seconds, and return them when it was asked about all."""
    pictures = [Picture() for _ in range(count)]
    for picture in pictures:
        world.gemini.answer(picture, described(picture, delay_seconds=seconds))
    uploaded = [world.upload_picture(picture) for picture in pictures]
    world.wait_until(lambda: all(world.gemini.asked(picture) for picture in pictures), "Gemini was not asked")
    return uploaded


@contextmanager
def statement(world: World, *statements: str) -> Iterator[Any]:
    """Execute statements as the master user, in a session that lasts until the block ends."""
    with world.database() as connection, connection.cursor() as cursor:
        for one in statements:
            cursor.execute(one)
        yield cursor


def execute(world: World, *statements: str) -> None:
    with statement(world, *statements):
        pass


def disconnect_everybody(world: World) -> None:
    """End the sessions of the application, so that they have to come anew."""
    with statement(
        world, "SELECT id FROM information_schema.processlist WHERE user NOT IN ('root', 'system user')"
    ) as c:
        for (session,) in c.fetchall():
            c.execute("KILL %s", (session,))


def all_failed(world: World, count: int) -> None:
    """Wait until both functions have given up so many photos."""
    expected = {"thumbnail": count, "annotate": count}
    world.wait_until(
        lambda: {name: len(photos) for name, photos in world.dead_letters().items()} == expected,
        "the functions have not given up",
    )


def test_a_database_that_is_down_only_delays_photos(world: World) -> None:
    end_database(world, signal.SIGTERM)
    photos = world.upload(2)
    assert requests.get(f"{world.cloud.gallery_url}/readyz", timeout=10).status_code == 503
    assert requests.get(world.cloud.gallery_url, timeout=10).status_code == 503
    all_failed(world, 2)
    assert world.cloud.mend(print)
    world.verify(photos)


def test_a_database_killed_while_photos_are_worked_on_only_delays_them(world: World) -> None:
    photos = slow_answers(world, 2)
    end_database(world, signal.SIGKILL)
    assert world.cloud.mend(print)
    world.verify(photos)


def test_a_database_that_has_no_connection_left_only_delays_photos(world: World) -> None:
    with ExitStack() as hogs:
        execute(world, "SET GLOBAL max_connections = 10")
        disconnect_everybody(world)
        for _ in range(10):
            hogs.enter_context(world.database())
        photos = world.upload(2)
        time.sleep(LONG_SECONDS)
    execute(world, "SET GLOBAL max_connections = 151")
    world.verify(photos)


def test_a_table_that_is_locked_for_a_moment_only_delays_photos(world: World) -> None:
    with statement(world, "LOCK TABLES image WRITE"):
        photos = world.upload(2)
        time.sleep(LONG_SECONDS)
    world.verify(photos)


def test_a_table_that_is_locked_for_longer_than_a_function_may_work_only_delays_photos(world: World) -> None:
    with statement(world, "LOCK TABLES image WRITE"):
        photos = world.upload(2)
        time.sleep(TIMEOUT_SECONDS + LONG_SECONDS)
    world.verify(photos)


def test_rows_that_another_transaction_keeps_too_long_only_delay_photos(world: World) -> None:
    execute(world, "SET GLOBAL innodb_lock_wait_timeout = 1")
    disconnect_everybody(world)
    with statement(world, "BEGIN", "SELECT * FROM image FOR UPDATE"):
        photos = world.upload(2)
        time.sleep(LONG_SECONDS)
    execute(world, "SET GLOBAL innodb_lock_wait_timeout = 50")
    disconnect_everybody(world)
    world.verify(photos)


def test_a_photo_described_while_the_row_is_locked_is_paid_once(world: World) -> None:
    photos = slow_answers(world, 1)
    with statement(world, "BEGIN", "SELECT * FROM image FOR UPDATE"):
        time.sleep(2 + LONG_SECONDS)
    world.verify(photos)


def test_a_database_that_only_reads_still_shows_photos_and_delays_new_ones(world: World) -> None:
    (shown,) = photos = world.upload()
    world.verify(photos)
    execute(world, "SET GLOBAL read_only = 1")
    try:
        late = world.upload(2)
        time.sleep(LONG_SECONDS)
        assert world.gallery.image(shown.id) is not None
        edit = requests.patch(f"{world.cloud.gallery_url}/api/images/{shown.id}", json={"caption": "x"}, timeout=10)
        assert edit.status_code == 503
    finally:
        execute(world, "SET GLOBAL read_only = 0")
    world.verify(photos + late)


def test_a_database_that_stands_still_for_seconds_only_delays_photos(world: World) -> None:
    photos = slow_answers(world, 2)
    database = world.cloud.processes["database"].pid
    assert database is not None
    os.kill(database, signal.SIGSTOP)
    try:
        photos += world.upload(2)
        time.sleep(LONG_SECONDS)
    finally:
        os.kill(database, signal.SIGCONT)
    world.verify(photos)


def test_a_schema_one_version_ahead_serves_this_release(world: World) -> None:
    later = Migration("0999_later", "ALTER TABLE image ADD COLUMN later VARCHAR(10) NULL")
    with world.database() as connection:
        assert migrate(connection, [*own_migrations(), later]) == [later.name]
    assert requests.get(f"{world.cloud.gallery_url}/readyz", timeout=10).status_code == 200
    world.verify(world.upload(2))


def test_a_column_that_is_missing_for_a_while_only_delays_photos(world: World) -> None:
    execute(world, "ALTER TABLE image RENAME COLUMN placeholder TO of_another_release")
    try:
        photos = world.upload(2)
        all_failed(world, 2)
        assert requests.get(world.cloud.gallery_url, timeout=10).status_code >= 500
    finally:
        execute(world, "ALTER TABLE image RENAME COLUMN of_another_release TO placeholder")
    world.verify(photos)
