"""Child processes that are found again after their parent was killed.

Each child has a log, and a note with its identity: pid, start time and command line. Pids are reused, so a process
is only ours when all three agree.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from local_cloud import LocalCloudError

STOP_SECONDS = 20.0
DESCENDANTS_SECONDS = 1.0
LOG_BYTES = 10_000_000
CLOCK_STEP_SECONDS = 5.0  # start times are wall-clock times and move a little when the clock is set


def write_note(path: Path, process: psutil.Process, **more: str) -> None:
    """Remember who a process is, so that `find_noted` recognises it later. `more` is kept beside it."""
    while not (command := process.cmdline()):  # a program has none for a moment after it was started
        time.sleep(0.001)
    note = {"pid": process.pid, "started": process.create_time(), "command": command, **more}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(note), encoding="utf-8")
    temporary.replace(path)


def read_note(path: Path) -> dict[str, object]:
    """Return what `write_note` wrote, or nothing when there is no readable note."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def find_noted(path: Path) -> psutil.Process | None:
    """Return the running process that a note describes, or None when it is gone or its pid is another's by now."""
    note = read_note(path)
    pid, started = note.get("pid"), note.get("started")
    if not isinstance(pid, int) or not isinstance(started, float):
        return None
    try:
        process = psutil.Process(pid)
        same = (
            abs(process.create_time() - started) < CLOCK_STEP_SECONDS
            and process.cmdline() == note.get("command")
            and _runs(process)
        )
    except psutil.Error:
        return None
    return process if same else None


def stop_noted(path: Path, seconds: float = STOP_SECONDS) -> bool:
    """Stop the process that a note describes, kill it when it takes too long, and remove the note.

    Returns:
        Whether there was such a process.
    """
    process = find_noted(path)
    if process is not None:
        with _descendants_ended(process.pid):
            try:
                process.terminate()
                try:
                    process.wait(seconds)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(seconds)
            except psutil.NoSuchProcess:
                pass
    path.unlink(missing_ok=True)
    return process is not None


@contextmanager
def _descendants_ended(pid: int) -> Iterator[None]:
    """End what a process had started and did not end itself, such as a function at work, when the block ends it."""
    try:
        descendants = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        descendants = []
    yield
    deadline = time.monotonic() + DESCENDANTS_SECONDS
    while any(map(_runs, descendants)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in filter(_runs, descendants):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _runs(process: psutil.Process) -> bool:
    """Tell whether a process has not ended; one that nobody has waited for (a zombie) has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Child:
    """A process that runs until it is stopped. Its log is `logs/<name>.log` in the data folder."""

    def __init__(self, name: str, data: Path) -> None:
        """Remember the name; nothing is started yet."""
        self.name = name
        self.log = data / "logs" / f"{name}.log"
        self.note = data / "run" / f"{name}.json"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None when it was never started or was stopped."""
        return None if self._process is None else self._process.pid

    def start(self, command: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        """Start the command in a folder, after stopping what runs under this name already.

        Raises:
            LocalCloudError: the program cannot be started.
        """
        self.clear()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        too_long = self.log.exists() and self.log.stat().st_size > LOG_BYTES
        with self.log.open("wb" if too_long else "ab") as log:
            try:
                self._process = subprocess.Popen(
                    list(command),
                    env=dict(environ),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for the supervisor, which stops children in order
                )
            except OSError as error:
                raise LocalCloudError(f"The {self.name} cannot be started: {error}") from error
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already: exit_code tells
            write_note(self.note, psutil.Process(self._process.pid))

    def exit_code(self) -> int | None:
        """Return the exit code (negative: the signal that ended it), or None while it runs."""
        return None if self._process is None else self._process.poll()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask the process to end, kill it when it does not in time, and wait for it; then end what it has left.

        A worker that outlives its killed gunicorn would serve on, and hold the port.
        """
        if self._process is None:
            return
        if self._process.poll() is None:
            with _descendants_ended(self._process.pid):
                self._process.terminate()
                try:
                    self._process.wait(seconds)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
        with suppress(ProcessLookupError, PermissionError):  # the latter of zombies, on macOS
            os.killpg(self._process.pid, signal.SIGKILL)  # its session; no new process gets this id while any is left
        self._process = None
        self.note.unlink(missing_ok=True)

    def clear(self) -> bool:
        """Stop what runs under this name: our process, or one that a killed run left behind.

        Returns:
            Whether a killed run had left one.
        """
        self.stop()
        return stop_noted(self.note)

    def last_words(self, lines: int = 8) -> str:
        """Return the end of the log, for an error message."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - 8192))
                text = log.read().decode(errors="replace")
        except OSError:
            text = ""
        return "\n".join(f"  {line}" for line in [*text.splitlines()[-lines:], f"(whole log: {self.log})"])
