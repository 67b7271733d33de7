"""Child processes: started, found again after their parent was killed, and stopped with their descendants."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from servers import ServerError
from servers.processes import Child, find_noted, stop_noted, write_note
from support.waiting import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(3600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(3600)",
]
PARENT = ["/bin/sh", "-c", "sleep 3600 & wait"]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child("sleeper", tmp_path)
    yield child
    child.stop(0)


@pytest.fixture
def stranger() -> Iterator[psutil.Process]:
    """Run a process that is not a child of ours."""
    with subprocess.Popen(SLEEP) as process:
        yield psutil.Process(process.pid)
        process.kill()


def start(child: Child, command: list[str] = SLEEP) -> psutil.Process:
    child.start(command, os.environ, child.log.parent.parent)
    assert child.pid is not None
    return psutil.Process(child.pid)


def descendant_of(process: psutil.Process) -> psutil.Process:
    """Wait for the process that another one starts, and return it."""
    wait_until(process.children)
    return process.children()[0]


def has_ended(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def test_a_noted_process_is_found_again(child: Child) -> None:
    process = start(child)
    assert find_noted(child.note) == process


def test_the_note_of_a_new_process_has_its_command(child: Child) -> None:
    for _ in range(200):  # one in a hundred was noted while its program was still being loaded
        start(child, ["/bin/sh", "-c", "exec sleep 3600"])
        assert json.loads(child.note.read_text())["command"]
        child.stop(0)


def test_a_start_waits_until_the_process_is_ready(child: Child) -> None:
    problems = ["not yet", "still not", ""]
    child.start(SLEEP, os.environ, child.log.parent.parent, lambda: problems.pop(0))
    assert problems == []


@pytest.mark.parametrize(
    ("command", "seconds"), [(SLEEP, 0.05), ([sys.executable, "-c", "print('no such table')"], 60)]
)
def test_a_process_that_does_not_become_ready_is_stopped(child: Child, command: list[str], seconds: float) -> None:
    expected = rf"The sleeper did not start \(refused\)(.|\n)*complete log: {re.escape(str(child.log))}"
    with pytest.raises(ServerError, match=expected):
        child.start(command, os.environ, child.log.parent.parent, lambda: "refused", seconds)
    assert child.pid is None
    assert not child.note.exists()


@pytest.mark.parametrize("stop", [Child.stop, lambda child: stop_noted(child.note)], ids=["own", "orphaned"])
def test_the_descendants_of_a_child_are_stopped_with_it(child: Child, stop: Callable[[Child], object]) -> None:
    descendant = descendant_of(start(child, PARENT))
    stop(child)
    wait_until(lambda: has_ended(descendant))


def test_the_descendants_of_a_killed_child_are_stopped_before_it_starts_again(child: Child) -> None:
    process = start(child, PARENT)
    descendant = descendant_of(process)
    process.kill()
    wait_until(lambda: child.exit_code() is not None)
    start(child)
    wait_until(lambda: has_ended(descendant))


def test_a_finished_process_is_not_found(child: Child) -> None:
    process = start(child, [sys.executable, "-c", ""])
    process.wait(10)
    assert find_noted(child.note) is None


@pytest.mark.parametrize("difference", [{"started": 1.0}, {"command": ["another", "program"]}])
def test_another_process_with_the_same_pid_is_not_stopped(
    tmp_path: Path, stranger: psutil.Process, difference: dict[str, object]
) -> None:
    note = tmp_path / "note.json"
    write_note(note, stranger)
    note.write_text(json.dumps(json.loads(note.read_text()) | difference))
    assert stop_noted(note) is False
    assert stranger.is_running()
    assert not note.exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "1", "started": 2}', "not json"])
def test_a_damaged_note_is_ignored(tmp_path: Path, text: str) -> None:
    note = tmp_path / "note.json"
    note.write_text(text)
    assert find_noted(note) is None


def test_an_orphaned_process_is_stopped_before_a_new_start(child: Child, tmp_path: Path) -> None:
    orphan = start(child)
    successor = Child(child.name, tmp_path)
    process = start(successor)
    assert not orphan.is_running()
    assert process.is_running()
    successor.stop()


def test_a_process_that_ignores_the_signal_is_killed(child: Child) -> None:
    process = start(child, STUBBORN)
    wait_until(lambda: "deaf" in child.log.read_text())
    child.stop(0.1)
    assert not process.is_running()


def test_stopping_removes_the_note(child: Child) -> None:
    start(child)
    child.stop()
    assert not child.note.exists()
    assert child.exit_code() is None


def test_the_exit_code_of_a_killed_process_is_its_signal(child: Child) -> None:
    process = start(child)
    assert child.exit_code() is None
    process.kill()
    wait_until(lambda: child.exit_code() is not None)
    assert child.exit_code() == -signal.SIGKILL


def test_the_log_tail_is_the_end_of_the_log(child: Child) -> None:
    start(child, [sys.executable, "-c", "print(*range(100), sep='\\n')"]).wait(10)
    assert child.log_tail(2) == f"  98\n  99\n  (complete log: {child.log})"


def test_a_child_does_not_get_ctrl_c_from_the_terminal(child: Child) -> None:
    process = start(child)
    assert os.getpgid(process.pid) != os.getpgid(0)


def test_a_missing_program_is_named(child: Child) -> None:
    with pytest.raises(ServerError, match=r"sleeper cannot be started.*no/such/program"):
        start(child, ["/no/such/program"])
