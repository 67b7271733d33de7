"""A function as a process of this machine: AWS's runtime client, awslambdaric, with its own Runtime API."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Literal

from localstack_executor.runtime_api import Invocation, Message, RuntimeApi, error_body

INIT_SECONDS = 60.0  # AWS allows 10 and then the time-out of the function; a busy laptop is slower

Status = Literal["success", "error", "timeout", "failure"]


class StoppedError(Exception):
    """The function was stopped before the invocation returned."""


@dataclass(frozen=True)
class Outcome:
    """The result of an invocation and its log. The status `failure` is an error of the runtime itself."""

    status: Status
    payload: bytes
    logs: str
    seconds: float


class FunctionProcess:
    """One execution environment: a process that runs one invocation at a time.

    If it fails, times out or exits, only that invocation is lost; the next one starts a new process.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        """Set the process that the first invocation starts.

        Args:
            command: of the runtime client.
            environ: all of its variables, without AWS_LAMBDA_RUNTIME_API.
            folder: its working directory.
        """
        self._command = list(command)
        self._environ = environ
        self._folder = folder
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        fcntl.fcntl(self._output, fcntl.F_SETFL, os.O_APPEND)
        self._life: _Life | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def invoke(self, request_id: str, payload: bytes, function_arn: str, trace_id: str, seconds: float) -> Outcome:
        """Run the function once, for at most `seconds` without the start of its process.

        Raises:
            StoppedError: stop() was called during the invocation.
        """
        started = time.monotonic()
        status, body = self._run(request_id, payload, function_arn, trace_id, seconds)
        if self._stopped:
            raise StoppedError(f"The function was stopped during the invocation {request_id}.")
        return Outcome(status, body, self._take_output(), time.monotonic() - started)

    def stop(self) -> None:
        """Kill the process and its descendants."""
        with self._lock:
            self._stopped = True
            if self._life:
                self._life.end()
        self._output.close()

    def _run(
        self, request_id: str, payload: bytes, function_arn: str, trace_id: str, seconds: float
    ) -> tuple[Status, bytes]:
        life = self._life
        message = life.wait(INIT_SECONDS) if life and life.is_running() else None
        if life is None or message is None or message.kind == "exit":  # not started yet, or ended after its last result
            life = self._start()
            message = life.wait(INIT_SECONDS)
        if message and message.kind == "waiting":
            deadline = int((time.time() + seconds) * 1000)
            life.api.give(Invocation(request_id, payload, function_arn, trace_id, deadline))
            message = life.wait(seconds, request_id)
        else:
            seconds = INIT_SECONDS
        if message is None:
            self._end(life)
            text = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
            return "timeout", error_body("Sandbox.Timedout", text)
        if message.kind == "exit":
            self._end(life)
            cause = _cause(life.process.returncode)
            return "failure", error_body("Runtime.ExitError", f"RequestId: {request_id} Error: {cause}")
        if message.kind == "init error":
            self._end(life)
            return "failure", message.body
        return "success" if message.kind == "response" else "error", message.body

    def _start(self) -> _Life:
        with self._lock:
            if self._stopped:
                raise StoppedError("The function was stopped.")
            if self._life:
                self._life.end()
            self._life = _Life(self._command, self._environ, self._folder, self._output.fileno())
            return self._life

    def _end(self, life: _Life) -> None:
        with self._lock:
            life.end()
            self._life = None

    def _take_output(self) -> str:
        """Return the output since the last call. The runtime writes it before it sends its result."""
        descriptor = self._output.fileno()
        text = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        os.ftruncate(descriptor, 0)
        return text.decode(errors="replace")


class _Life:
    """One process with its own API, so that late requests of a killed process cannot reach the next one."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], folder: Path, output: int) -> None:
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self.api = RuntimeApi(self._messages)
        self.process = subprocess.Popen(
            list(command),
            env={**environ, "AWS_LAMBDA_RUNTIME_API": self.api.address},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # its own process group, which can be killed as a whole
        )
        threading.Thread(target=self._watch, daemon=True).start()

    def wait(self, seconds: float, request_id: str = "") -> Message | None:
        """Return the next message about this invocation, or None after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                message = self._messages.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                return None
            if message.request_id in ("", request_id):
                return message

    def is_running(self) -> bool:
        """Tell whether the process is running. Popen.poll alone is wrong while another thread waits for its end."""
        try:
            os.kill(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return self.process.poll() is None

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.api.close()

    def _watch(self) -> None:
        self.process.wait()
        self._messages.put(Message("exit"))


def _cause(exit_code: int) -> str:
    """Return why a process ended, in the wording of Lambda."""
    if exit_code < 0:
        return f"Runtime exited with error: signal: {signal.strsignal(-exit_code)}".lower().replace("r", "R", 1)
    return f"Runtime exited with error: exit status {exit_code}" if exit_code else "Runtime exited without a reason"
