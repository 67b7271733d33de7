"""Children that are found again, and nobody else's process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from local_cloud import LocalCloudError
from local_cloud.processes import Child, find_noted, read_note, stop_noted, write_note

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


class NewProcess(SimpleNamespace):
    """A process that has no command line the first time that it is asked for it, as after a real start."""

    def cmdline(self) -> list[str]:
        self.asked += 1
        return SLEEP if self.asked > 1 else []


def test_the_note_of_a_process_that_was_started_this_moment_has_its_command(tmp_path: Path) -> None:
    write_note(tmp_path / "note.json", cast(psutil.Process, NewProcess(pid=1, create_time=lambda: 1.0, asked=0)))
    assert read_note(tmp_path / "note.json")["command"] == SLEEP


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child("sleeper", tmp_path)
    yield child
    child.stop(0)


@pytest.fixture
def stranger() -> Iterator[psutil.Process]:
    """Somebody else's process."""
    with subprocess.Popen(SLEEP) as process:
        yield psutil.Process(process.pid)
        process.kill()


def start(child: Child, command: list[str] = SLEEP) -> psutil.Process:
    child.start(command, os.environ, child.log.parent.parent)
    assert child.pid is not None
    return psutil.Process(child.pid)


def test_a_noted_process_is_found_again(child: Child) -> None:
    process = start(child)
    assert find_noted(child.note) == process


def busy_function_of(process: psutil.Process) -> psutil.Process:
    """Return the process that a child has started."""
    deadline = time.monotonic() + 10
    while not (started := process.children()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return started[0]


def wait_until_ended(process: psutil.Process) -> None:
    deadline = time.monotonic() + 10
    with suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:  # which is as good as gone
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("stop", [Child.stop, lambda child: stop_noted(child.note)], ids=["ours", "left behind"])
def test_what_a_child_has_started_ends_with_it(child: Child, stop: Callable[[Child], object]) -> None:
    function = busy_function_of(start(child, ["/bin/sh", "-c", "sleep 60 & wait"]))
    stop(child)
    wait_until_ended(function)


def test_what_a_killed_child_has_left_ends_before_it_starts_again(child: Child) -> None:
    process = start(child, ["/bin/sh", "-c", "sleep 60 & wait"])
    left = busy_function_of(process)
    process.kill()
    while child.exit_code() is None:
        time.sleep(0.01)
    start(child)
    wait_until_ended(left)


def test_a_finished_process_is_not_found(child: Child) -> None:
    process = start(child, [sys.executable, "-c", ""])
    process.wait(10)
    assert find_noted(child.note) is None


@pytest.mark.parametrize("difference", [{"started": 1.0}, {"command": ["another", "program"]}])
def test_a_pid_that_now_belongs_to_another_process_is_left_alone(
    tmp_path: Path, stranger: psutil.Process, difference: dict[str, object]
) -> None:
    note = tmp_path / "note.json"
    write_note(note, stranger)
    note.write_text(json.dumps(json.loads(note.read_text()) | difference))
    assert stop_noted(note) is False
    assert stranger.is_running()
    assert not note.exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "1", "started": 2}', "not json"])
def test_a_damaged_note_describes_nobody(tmp_path: Path, text: str) -> None:
    note = tmp_path / "note.json"
    note.write_text(text)
    assert find_noted(note) is None


def test_what_a_killed_run_left_is_stopped_before_a_new_start(child: Child, tmp_path: Path) -> None:
    left = start(child)
    successor = Child(child.name, tmp_path)
    process = start(successor)
    assert not left.is_running()
    assert process.is_running()
    successor.stop()


def test_a_process_that_does_not_listen_is_killed(child: Child) -> None:
    process = start(child, STUBBORN)
    while "deaf" not in child.log.read_text():
        time.sleep(0.01)
    child.stop(0.1)
    assert not process.is_running()


def test_stopping_removes_the_note(child: Child) -> None:
    start(child)
    child.stop()
    assert not child.note.exists()
    assert child.exit_code() is None


def test_the_exit_code_tells_of_a_signal(child: Child) -> None:
    process = start(child)
    assert child.exit_code() is None
    process.kill()
    while child.exit_code() is None:
        time.sleep(0.01)
    assert child.exit_code() == -signal.SIGKILL


def test_the_last_words_are_the_end_of_the_log(child: Child) -> None:
    start(child, [sys.executable, "-c", "print(*range(100), sep='\\n')"]).wait(10)
    assert child.last_words(2) == f"  98\n  99\n  (whole log: {child.log})"


def test_a_child_does_not_get_the_terminals_ctrl_c(child: Child) -> None:
    process = start(child)
    assert os.getpgid(process.pid) != os.getpgid(0)


def test_a_program_that_is_not_there_is_named(child: Child) -> None:
    with pytest.raises(LocalCloudError, match=r"sleeper cannot be started.*no/such/program"):
        start(child, ["/no/such/program"])
