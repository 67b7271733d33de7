"""The queue of asynchronous invocations, with scripted attempts."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ministack_extensions.invocations import Invocation, InvocationQueue, Later
from support.waiting import wait_until

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:annotate"


class Function:
    """Records its attempts, each of which takes 10 ms, and how many of them ran at once."""

    def __init__(self, outcome: Callable[[Invocation], Later | None] = lambda invocation: None) -> None:
        self.outcome = outcome
        self.attempts: list[Invocation] = []
        self.most_at_once = 0
        self._running = 0
        self._lock = threading.Lock()

    def attempt(self, invocation: Invocation) -> Later | None:
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        time.sleep(0.01)
        with self._lock:
            self._running -= 1
            self.attempts.append(invocation)
        return self.outcome(invocation)


def start(folder: Path, function: Function, limit: int = 2) -> InvocationQueue:
    queue = InvocationQueue(folder, function.attempt, lambda _: limit)
    queue.start()
    return queue


def kept(folder: Path) -> list[dict[str, object]]:
    return [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]


@pytest.mark.parametrize("limit", [1, 3])
def test_a_burst_is_queued_without_a_thread_for_each_event(tmp_path: Path, limit: int) -> None:
    function = Function()
    queue = start(tmp_path, function, limit)
    before = threading.active_count()
    for number in range(60):
        queue.put(FUNCTION, number)
    assert threading.active_count() <= before + limit
    wait_until(lambda: len(function.attempts) == 60 and not kept(tmp_path))
    assert function.most_at_once == limit
    if limit == 1:
        assert [attempt.event for attempt in function.attempts] == list(range(60))


def test_an_event_is_on_disk_before_it_is_accepted(tmp_path: Path) -> None:
    queue = start(tmp_path, Function(), limit=0)
    queue.put(FUNCTION, {"photo": "é"}, depth=3)
    (event,) = kept(tmp_path)
    assert (event["function"], event["event"], event["depth"]) == (FUNCTION, {"photo": "é"}, 3)


def test_events_of_a_killed_process_are_delivered(tmp_path: Path) -> None:
    killed = start(tmp_path, Function(), limit=0)
    killed.put(FUNCTION, "first")
    killed.put(FUNCTION, "second")
    function = Function()
    start(tmp_path, function, limit=1)
    wait_until(lambda: not kept(tmp_path))
    assert [attempt.event for attempt in function.attempts] == ["first", "second"]


def test_a_failed_event_is_retried_with_its_number_of_failures(tmp_path: Path) -> None:
    function = Function(lambda invocation: Later(0.05, invocation.failures + 1) if invocation.failures < 2 else None)
    queue = start(tmp_path, function)
    queue.put(FUNCTION, "event")
    wait_until(lambda: len(function.attempts) == 3 and not kept(tmp_path))
    assert [attempt.failures for attempt in function.attempts] == [0, 1, 2]


def test_the_number_of_failures_survives_a_killed_process(tmp_path: Path) -> None:
    queue = start(tmp_path, Function(lambda invocation: Later(3600, invocation.failures + 1)))
    queue.put(FUNCTION, "event")
    wait_until(lambda: [event["failures"] for event in kept(tmp_path)] == [1])
    function = Function()
    start(tmp_path, function)
    wait_until(lambda: [attempt.failures for attempt in function.attempts] == [1])


def test_an_event_that_waits_for_its_retry_does_not_block_the_next(tmp_path: Path) -> None:
    function = Function(lambda invocation: Later(3600, 1) if invocation.event == "bad" else None)
    queue = start(tmp_path, function, limit=1)
    queue.put(FUNCTION, "bad")
    queue.put(FUNCTION, "good")
    wait_until(lambda: [event["event"] for event in kept(tmp_path)] == ["bad"])


def test_events_of_one_function_do_not_block_those_of_another(tmp_path: Path) -> None:
    function = Function()
    queue = InvocationQueue(tmp_path, function.attempt, lambda name: 0 if name == "stopped" else 1)
    queue.start()
    queue.put("stopped", 1)
    queue.put("running", 2)
    wait_until(lambda: [event["event"] for event in kept(tmp_path)] == [1])


def test_a_higher_limit_releases_waiting_events(tmp_path: Path) -> None:
    function, limits = Function(), {FUNCTION: 0}
    queue = InvocationQueue(tmp_path, function.attempt, lambda name: limits[name])
    queue.start()
    queue.put(FUNCTION, "event")
    limits[FUNCTION] = 1
    wait_until(lambda: not kept(tmp_path))


def test_an_unreadable_event_is_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "1.json").write_text("{")
    function = Function()
    queue = start(tmp_path, function)
    queue.put(FUNCTION, "event")
    wait_until(lambda: len(function.attempts) == 1)
    assert "unreadable" in caplog.text
