"""After any fault of the database, no photo is lost, mixed up or paid for twice."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests

from catalog.schema import Migration, own_migrations
from catalog_functions.migrate import migrate
from integration.faults.world import DELIVERED, World
from support.waiting import wait_until

pytestmark = pytest.mark.kills_processes

LONG_SECONDS = 3.0
"""Longer than any statement normally takes."""


def signal_database(world: World, how: signal.Signals) -> None:
    database = world.cloud.processes["database"]
    assert database.pid is not None
    os.kill(database.pid, how)
    wait_until(lambda: database.exit_code() is not None, "the database still runs")


@contextmanager
def statement(world: World, *statements: str) -> Iterator[Any]:
    """Execute statements as the master user in a session that is open until the block ends."""
    with world.database() as connection, connection.cursor() as cursor:
        for one in statements:
            cursor.execute(one)
        yield cursor


def execute(world: World, *statements: str) -> None:
    with statement(world, *statements):
        pass


def disconnect_application(world: World) -> None:
    """Kill the application's sessions, so that it has to reconnect."""
    with statement(
        world, "SELECT id FROM information_schema.processlist WHERE user NOT IN ('root', 'system user')"
    ) as c:
        for (session,) in c.fetchall():
            c.execute("KILL %s", (session,))


def status(cursor: Any, name: str) -> int:
    """Return a status counter of the server."""
    cursor.execute("SHOW GLOBAL STATUS LIKE %s", (name,))
    ((_, value),) = cursor.fetchall()
    return int(value)


def sessions(world: World, state: str) -> int:
    """Return the number of sessions in a state."""
    with statement(
        world, "SELECT COUNT(*) FROM information_schema.processlist WHERE state = '" + state + "'"
    ) as cursor:
        return int(cursor.fetchone()[0])


UNREAD_SECONDS = 0.15
"""InnoDB refreshes innodb_trx only if it was not read for 0.1 seconds."""


def lock_waits(world: World, condition: str = "TRUE") -> int:
    """Return the number of transactions that wait for a row lock."""
    time.sleep(UNREAD_SECONDS)
    query = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND "
    with statement(world, query + condition) as cursor:
        return int(cursor.fetchone()[0])


LOCK_GAPS = ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "BEGIN")
"""Begins a transaction that locks not only rows, but also where others would be inserted."""


def waits_with_its_row(world: World) -> bool:
    """Return whether a function has inserted a row and waits for an index lock."""
    return lock_waits(world, "trx_query LIKE 'INSERT INTO image %' AND trx_rows_modified > 0") > 0


def all_failed(world: World, count: int) -> None:
    """Wait until both functions have given up `count` photos."""
    expected = {"thumbnail": count, "annotate": count}
    wait_until(
        lambda: {name: len(photos) for name, photos in world.dead_letters().items()} == expected,
        "the functions have not given up",
    )


def test_a_database_that_is_down_only_delays_photos(world: World) -> None:
    signal_database(world, signal.SIGTERM)
    photos = world.upload(2)
    assert requests.get(f"{world.cloud.gallery_url}/readyz", timeout=10).status_code == 503
    assert requests.get(world.cloud.gallery_url, timeout=10).status_code == 503
    all_failed(world, 2)
    assert world.cloud.restart(print)
    world.verify(photos)


@pytest.mark.usefixtures("time_of_aws")
def test_a_database_killed_during_a_statement_loses_no_description(world: World) -> None:
    photos = world.upload_slow(2)
    with statement(world, "BEGIN", "SELECT * FROM image FOR UPDATE"):
        wait_until(lambda: lock_waits(world, "trx_query LIKE 'UPDATE image%'") > 0, "no function writes")
        signal_database(world, signal.SIGKILL)
    assert world.cloud.restart(print)
    world.verify(photos)


def test_a_database_without_free_connections_only_delays_photos(world: World) -> None:
    with ExitStack() as hogs:
        execute(world, "SET GLOBAL max_connections = 10")
        hogs.callback(execute, world, "SET GLOBAL max_connections = 151")
        disconnect_application(world)
        cursor, *_ = [
            hogs.enter_context(statement(world)) for _ in range(11)
        ]  # one extra is reserved for the master user
        refused = status(cursor, "Connection_errors_max_connections")
        photos = world.upload(2)
        wait_until(
            lambda: status(cursor, "Connection_errors_max_connections") >= refused + 4, "no connection was refused"
        )
    world.verify(photos)


def test_a_briefly_locked_table_only_delays_photos(world: World) -> None:
    with statement(world, "LOCK TABLES image WRITE"):
        photos = world.upload(2)
        wait_until(lambda: sessions(world, "Waiting for table metadata lock") >= 2, "no function waits")
    world.verify(photos)


@pytest.mark.parametrize(
    "statements",
    [["LOCK TABLES image WRITE"], [*LOCK_GAPS, "SELECT * FROM image FOR UPDATE"]],
    ids=["table", "rows"],
)
def test_locks_beyond_the_function_timeout_only_delay_photos(world: World, statements: list[str]) -> None:
    with statement(world, *statements):
        photos = world.upload(2)
        world.both_fail()
    world.verify(photos)


def test_a_deadlock_with_a_function_only_delays_its_photo(world: World) -> None:
    execute(world, "CREATE TABLE weight (number INT)")
    heavier = f"INSERT INTO weight VALUES {', '.join(['(1)'] * 500)}"  # so that the function loses
    gap = "SELECT id FROM image FORCE INDEX (image_thumbnail_status) WHERE thumbnail_status = 'pending' FOR UPDATE"
    with statement(world, *LOCK_GAPS, heavier, gap) as cursor:
        before = status(cursor, "Innodb_deadlocks")
        (photo,) = world.upload()
        wait_until(lambda: waits_with_its_row(world), "no function inserts the row")
        cursor.execute("SELECT * FROM image WHERE id = %s FOR UPDATE", (photo.id,))
        assert status(cursor, "Innodb_deadlocks") > before
    execute(world, "DROP TABLE weight")
    world.verify([photo])


def test_a_photo_described_while_the_row_is_locked_is_paid_once(world: World) -> None:
    photos = world.upload_slow()
    with statement(world, "BEGIN", "SELECT * FROM image FOR UPDATE"):
        wait_until(lambda: world.paid(photos[0]) == 1, "Gemini has not responded")
        wait_until(lambda: lock_waits(world) > 0, "no function waits")
    world.verify(photos)


def test_a_read_only_database_still_shows_photos_and_delays_new_ones(world: World) -> None:
    (shown,) = photos = world.upload()
    world.verify(photos)
    execute(world, "SET GLOBAL read_only = 1")
    try:
        late = world.upload(2)
        world.both_fail()
        assert world.gallery.image(shown.id)
        edit = requests.patch(f"{world.cloud.gallery_url}/api/images/{shown.id}", json={"caption": "x"}, timeout=10)
        assert edit.status_code == 503
    finally:
        execute(world, "SET GLOBAL read_only = 0")
    world.verify(photos + late)


def test_a_database_that_hangs_for_seconds_only_delays_photos(world: World) -> None:
    photos = world.upload_slow(2)
    database = world.cloud.processes["database"].pid
    assert database is not None
    os.kill(database, signal.SIGSTOP)
    try:
        photos += world.upload(2)
        wait_until(lambda: all(world.paid(photo) for photo in photos[:2]), "Gemini has not responded")
        time.sleep(LONG_SECONDS)  # meanwhile the functions cannot record the descriptions
    finally:
        os.kill(database, signal.SIGCONT)
    world.verify(photos)


def test_a_schema_one_version_ahead_serves_this_release(world: World) -> None:
    later = Migration("0999_later", "ALTER TABLE image ADD COLUMN later VARCHAR(10) NULL")
    with world.database() as connection:
        assert migrate(connection, [*own_migrations(), later]) == [later.name]
    assert requests.get(f"{world.cloud.gallery_url}/readyz", timeout=10).status_code == 200
    world.verify(world.upload(2))


def test_a_schema_one_version_behind_only_delays_photos(world: World) -> None:
    last = own_migrations()[-1].name
    assert last == "0005_word_index", "adapt the statements below to the last migration"
    execute(
        world,
        "DROP TABLE image_word, word, word_change",
        """ALTER TABLE image DROP KEY image_outdated, DROP KEY image_edited, DROP KEY image_model,
           DROP COLUMN is_outdated, DROP COLUMN indexed_texts""",
        f"DELETE FROM schema_migration WHERE name = '{last}'",
    )
    try:
        photos = world.upload(2)
        all_failed(world, 2)
        assert all(last in error for name in DELIVERED for error in world.errors(name))
        assert requests.get(f"{world.cloud.gallery_url}/readyz", timeout=10).status_code == 503
    finally:
        with world.database() as connection:
            assert migrate(connection, own_migrations()) == [last]
    world.verify(photos)
