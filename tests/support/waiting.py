"""Waiting for a condition, however busy the machine is."""

import time
from collections.abc import Callable

SECONDS = 300.0


def wait_until(condition: Callable[[], object], poll_seconds: float = 0.02) -> None:
    """Wait until a condition is true, and fail after five minutes."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"the condition is still false after {SECONDS:.0f} seconds"
        time.sleep(poll_seconds)
