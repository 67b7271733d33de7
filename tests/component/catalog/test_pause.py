"""The pause of annotation, on a real database."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from catalog import leases, pause
from catalog.pause import FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS

Later = Callable[[int], None]


def paused(connection: Any) -> pause.Pause:
    found = pause.current(connection)
    assert found is not None
    return found


def test_annotation_is_not_paused_at_first(connection: Any) -> None:
    assert pause.current(connection) is None
    assert not pause.end(connection)


def test_a_pause_has_a_cause_and_a_next_attempt(connection: Any) -> None:
    assert pause.start(connection, "key", "400 API_KEY_INVALID")
    found = paused(connection)
    assert (found.cause, found.detail) == ("key", "400 API_KEY_INVALID")
    assert found.next_attempt - found.since == timedelta(seconds=FIRST_PAUSE_SECONDS)


def test_each_failed_attempt_doubles_the_time_to_the_next_one_up_to_a_limit(connection: Any) -> None:
    delays = []
    for _ in range(8):
        pause.start(connection, "quota", "429")
        with connection.cursor() as cursor:
            cursor.execute("SELECT ROUND(TIMESTAMPDIFF(MICROSECOND, NOW(3), next_attempt) / 1e6) FROM annotation_pause")
            delays.append(cursor.fetchone()[0])
    assert delays == [60, 120, 240, 480, 960, MOST_PAUSE_SECONDS, MOST_PAUSE_SECONDS, MOST_PAUSE_SECONDS]


@pytest.mark.parametrize(("asked", "seconds"), [(300, 300), (86_400, MOST_PAUSE_SECONDS), (1, FIRST_PAUSE_SECONDS)])
def test_the_service_may_ask_for_a_longer_pause(connection: Any, asked: int, seconds: int) -> None:
    pause.start(connection, "quota", "429", asked)
    found = paused(connection)
    assert found.next_attempt - found.since == timedelta(seconds=seconds)


def test_the_same_cause_keeps_the_beginning_of_the_pause(connection: Any, later: Later) -> None:
    pause.start(connection, "key", "401")
    later(5)
    since = paused(connection).since
    assert not pause.start(connection, "key", "403")
    assert (paused(connection).since, paused(connection).detail) == (since, "403")


def test_another_cause_starts_another_pause(connection: Any, later: Later) -> None:
    pause.start(connection, "key", "401")
    later(5)
    since = paused(connection).since
    assert pause.start(connection, "credits", "402")
    assert paused(connection).since > since


def test_one_delivery_at_a_time_tries_again_when_it_is_due(connection: Any, later: Later) -> None:
    lease = leases.end(connection, 60)
    pause.start(connection, "key", "401")
    assert not pause.admit(connection, lease)
    later(1)
    assert pause.is_probe_due(connection)
    assert pause.admit(connection, lease)
    assert not pause.is_probe_due(connection)
    assert not pause.admit(connection, leases.end(connection, 61))


def test_the_probe_of_a_killed_delivery_expires_with_its_lease(connection: Any, later: Later) -> None:
    pause.start(connection, "key", "401")
    later(1)
    pause.admit(connection, leases.end(connection, 60))
    later(2)
    assert pause.admit(connection, leases.end(connection, 60))


def test_a_delivery_that_learned_nothing_leaves_the_probe_to_another(connection: Any, later: Later) -> None:
    pause.start(connection, "key", "401")
    later(1)
    lease = leases.end(connection, 60)
    pause.admit(connection, lease)
    assert not pause.withdraw(connection, leases.end(connection, 30))
    assert pause.withdraw(connection, lease)
    assert pause.is_probe_due(connection)


def test_everything_is_admitted_after_the_pause(connection: Any) -> None:
    pause.start(connection, "key", "401")
    assert pause.end(connection)
    assert pause.current(connection) is None
    assert pause.admit(connection, leases.end(connection, 60))


def test_a_long_detail_is_shortened(connection: Any) -> None:
    pause.start(connection, "quota", "Q" * 1000)
    assert paused(connection).detail == "Q" * 200
