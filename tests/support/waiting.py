"""Waits for a condition instead of for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 300.0
"""Long enough for a busy machine; only a failing test waits so long."""

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None],
    failure: str | Callable[[], object] = "the condition is still false",
    seconds: float = SECONDS,
) -> T:
    """Call `condition` until it returns something true, and return that.

    Args:
        condition: called every 50 ms.
        failure: what is wrong if the time is up: text, or a function that returns details.
        seconds: the time limit.

    Raises:
        TimeoutError: the time is up.
    """
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:.0f} seconds: {failure if isinstance(failure, str) else failure()}")
        time.sleep(0.05)
    return result
