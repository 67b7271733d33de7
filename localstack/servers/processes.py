"""Child processes that can be found again after their parent was killed.

Each child has a log and a note of its identity: pid, start time and command line. Because pids are reused, a process is
ours only if all three match.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from servers import ServerError

START_SECONDS = 60.0
STOP_SECONDS = 20.0
DESCENDANTS_SECONDS = 1.0
LOG_BYTES = 10_000_000
CLOCK_STEP_SECONDS = 5.0  # start times are wall-clock times and shift a little when the clock is set
POLL_SECONDS = 0.02


def write_note(path: Path, process: psutil.Process, **more: str) -> None:
    """Record the identity of a process, so that `find_noted` recognises it later; `more` is stored with it."""
    note = {"pid": process.pid, "started": process.create_time(), "command": _command(process), **more}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(note), encoding="utf-8")
    temporary.replace(path)


def _command(process: psutil.Process) -> list[str]:
    """Return the command line of a process, which is empty for a moment while its program is loaded."""
    while not (command := process.cmdline()) and _is_running(process):
        time.sleep(0.001)
    return command


def read_note(path: Path) -> dict[str, object]:
    """Return the content of a note, or an empty dict if it is missing or unreadable."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def find_noted(path: Path) -> psutil.Process | None:
    """Return the running process that a note describes, or None if it has ended or another process has its pid."""
    note = read_note(path)
    pid, started = note.get("pid"), note.get("started")
    if not isinstance(pid, int) or not isinstance(started, float):
        return None
    try:
        process = psutil.Process(pid)
        same = (
            abs(process.create_time() - started) < CLOCK_STEP_SECONDS
            and process.cmdline() == note.get("command")
            and _is_running(process)
        )
    except psutil.Error:
        return None
    return process if same else None


def stop_noted(path: Path) -> bool:
    """Stop the process that a note describes, and remove the note.

    Returns:
        Whether the process was running.
    """
    process = find_noted(path)
    if process is not None:
        _stop(process, STOP_SECONDS)
    path.unlink(missing_ok=True)
    return process is not None


def _stop(process: psutil.Process, seconds: float) -> None:
    """Terminate a process, kill it after `seconds`, and kill the descendants that it did not stop."""
    descendants = []
    with suppress(psutil.NoSuchProcess):
        descendants = process.children(recursive=True)
        process.terminate()
        try:
            process.wait(seconds)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
    _, alive = psutil.wait_procs(descendants, DESCENDANTS_SECONDS)
    for descendant in alive:  # such as a busy function
        with suppress(psutil.NoSuchProcess):
            descendant.kill()


def _is_running(process: psutil.Process) -> bool:
    """Tell whether a process is running; a zombie is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Child:
    """A process that runs until it is stopped. Its log is `logs/<name>.log` in the data folder."""

    def __init__(self, name: str, data: Path) -> None:
        """Set the name and the data folder; `start` starts the process."""
        self.name = name
        self.log = data / "logs" / f"{name}.log"
        self.note = data / "run" / f"{name}.json"
        self._process: psutil.Popen | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None before the start and after the stop."""
        return None if self._process is None else self._process.pid

    def start(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        problem: Callable[[], str] | None = None,
        seconds: float = START_SECONDS,
    ) -> None:
        """Start a command in a folder and wait until it is ready. A process with the same name is stopped first.

        Args:
            command: program and arguments.
            environ: all environment variables of the process.
            folder: its working directory.
            problem: returns why the process is not ready yet, or "" once it is; None waits for nothing.
            seconds: how long it may take to become ready.

        Raises:
            ServerError: the program cannot be started, has ended, or is not ready in time. It is stopped, and the
                message contains the problem and the log tail.
        """
        self.clear()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        too_long = self.log.exists() and self.log.stat().st_size > LOG_BYTES
        with self.log.open("wb" if too_long else "ab") as log:
            try:
                self._process = psutil.Popen(
                    list(command),
                    env=dict(environ),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for the supervisor, which stops its children in order
                )
            except OSError as error:
                raise ServerError(f"The {self.name} cannot be started: {error}") from error
        with suppress(psutil.NoSuchProcess):  # it has ended already; exit_code() returns how
            write_note(self.note, self._process)
        deadline = time.monotonic() + seconds
        while problem and (reason := problem()):
            if self.exit_code() is not None or time.monotonic() > deadline:
                self.stop()
                raise ServerError(f"The {self.name} did not start ({reason}). End of its log:\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def exit_code(self) -> int | None:
        """Return the exit code (negative: the number of the signal that ended it), or None while it runs."""
        return None if self._process is None else self._process.poll()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Terminate the process, kill it after `seconds`, and kill its remaining descendants.

        A worker that outlives its killed gunicorn would go on serving and hold the port.
        """
        if self._process is None:
            return
        if self._process.poll() is None:
            _stop(self._process, seconds)
        with suppress(ProcessLookupError, PermissionError):  # the latter for zombies, on macOS
            os.killpg(self._process.pid, signal.SIGKILL)  # the id is not reused while a process of the session runs
        self._process = None
        self.note.unlink(missing_ok=True)

    def clear(self) -> bool:
        """Stop the process with this name: our own, or an orphaned one of a killed parent.

        Returns:
            Whether there was an orphaned one.
        """
        self.stop()
        return stop_noted(self.note)

    def log_tail(self, lines: int = 8) -> str:
        """Return the last lines of the log and its path, for an error message."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - 8192))
                text = log.read().decode(errors="replace")
        except OSError:
            text = ""
        return "\n".join(f"  {line}" for line in [*text.splitlines()[-lines:], f"(complete log: {self.log})"])
