"""The queue of asynchronous invocations: stored on disk, with limited concurrency and retries.

Like Lambda, it accepts an event at once and runs the function later. `put` writes the event to a file, which is deleted
when the event is done with. Waiting events use no thread.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import heapq
import itertools
import json
import logging
import threading
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Invocation:
    """An event for a function. `depth` counts the functions that led to it, `failures` the failed attempts."""

    id: str
    function: str
    """ARN of the function, perhaps with a qualifier."""
    event: Any
    accepted_at: float
    """Unix time in seconds."""
    depth: int = 0
    failures: int = 0


@dataclass(frozen=True)
class Later:
    """When to retry an invocation, and its failures so far."""

    seconds: float
    failures: int


class InvocationQueue:
    """Runs invocations in threads, at most `limit(function)` at a time for each function."""

    def __init__(
        self, folder: Path, attempt: Callable[[Invocation], Later | None], limit: Callable[[str], int]
    ) -> None:
        """Set the folder and the callbacks.

        Args:
            folder: of the events, one file each.
            attempt: runs the function once and returns None if the event is done with. It must not raise.
            limit: returns how many attempts of a function may run at once; called before each.
        """
        self._folder = folder
        self._attempt = attempt
        self._limit = limit
        self._changed = threading.Condition()
        self._ready: defaultdict[str, deque[Invocation]] = defaultdict(deque)
        self._running: Counter[str] = Counter()
        self._later: list[tuple[float, int, Invocation]] = []
        self._order = itertools.count()

    def start(self) -> None:
        """Load the events of an earlier run, and start."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in sorted(self._folder.glob("*.json")):
            try:
                invocation = Invocation(**json.loads(file.read_text(encoding="utf-8")))
            except (OSError, TypeError, ValueError):
                logger.exception("skipped the unreadable event %s", file)
                continue
            self._ready[invocation.function].append(invocation)
        threading.Thread(target=self._wake, name="invocations", daemon=True).start()

    def put(self, function: str, event: Any, depth: int = 0) -> None:
        """Accept an event: it is delivered at least once, or dropped with a logged reason."""
        now = time.time()
        invocation = Invocation(f"{time.time_ns()}-{uuid.uuid4()}", function, event, now, depth)
        self._keep(invocation)
        with self._changed:
            self._ready[function].append(invocation)
            self._start_worker(function)

    def _start_worker(self, function: str) -> None:
        """Start a thread if there is work for one more. The caller holds the lock."""
        waiting = self._ready[function]
        if waiting and self._running[function] < self._limit(function):
            self._running[function] += 1
            threading.Thread(target=self._work, args=(function,), name="invocation", daemon=True).start()

    def _work(self, function: str) -> None:
        while True:
            with self._changed:
                waiting = self._ready[function]
                if not waiting or self._running[function] > self._limit(function):
                    self._running[function] -= 1
                    return
                invocation = waiting.popleft()
                self._start_worker(function)
            later = self._attempt(invocation)
            if later is None:
                self._file(invocation).unlink(missing_ok=True)
                continue
            if later.failures != invocation.failures:
                invocation = replace(invocation, failures=later.failures)
                self._keep(invocation)
            with self._changed:
                heapq.heappush(self._later, (time.monotonic() + later.seconds, next(self._order), invocation))
                self._changed.notify()

    def _wake(self) -> None:
        """Queue events again when their retry is due, forever. This also applies a limit that was raised meanwhile."""
        with self._changed:
            while True:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    _, _, invocation = heapq.heappop(self._later)
                    self._ready[invocation.function].append(invocation)
                for function in list(self._ready):
                    self._start_worker(function)
                self._changed.wait(min(1.0, self._later[0][0] - now) if self._later else 1.0)

    def _file(self, invocation: Invocation) -> Path:
        return self._folder / f"{invocation.id}.json"

    def _keep(self, invocation: Invocation) -> None:
        file = self._file(invocation)
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(invocation)), encoding="utf-8")
        temporary.replace(file)
