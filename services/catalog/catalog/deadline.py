"""Time limits: work is interrupted before Lambda kills the function, so that it can release its lease and log why."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

AGAIN_SECONDS = 1.0
"""Time until the alarm rings again, in case the first one came at a bad moment or was swallowed."""

_LIMIT_MODULES = (__name__, "contextlib", "signal", "enum")
"""The modules that run while a limit is entered and left."""


class Context(Protocol):
    """The part of Lambda's context object that handlers use."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda stops the function."""


class OutOfTimeError(Exception):
    """The work took too long. Worth another try later."""


class _AlarmError(BaseException):
    """Not an Exception: decoders and botocore catch every Exception and wrap it or retry."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the code in the block after `seconds`, wherever it is: in a query, a download or an event loop.

    This works only in the main thread, where Lambda calls handlers; other threads are not limited. A process has one
    such timer, so limits cannot be nested.

    Raises:
        OutOfTimeError: the block took too long.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if seconds <= 0:
        raise OutOfTimeError("no time left to start")
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    try:
        yield
    except _AlarmError as alarm:
        raise OutOfTimeError(f"interrupted after {seconds:.0f} seconds, to be retried") from alarm
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ring(_number: int, frame: FrameType | None) -> None:
    # While a limit is entered or left, an exception would leave the timer running or escape. The alarm rings again.
    if frame is None or frame.f_globals.get("__name__") not in _LIMIT_MODULES:
        raise _AlarmError


def seconds_left() -> float:
    """Return the time until the current limit; infinity without a limit."""
    if threading.current_thread() is not threading.main_thread():
        return math.inf
    return signal.getitimer(signal.ITIMER_REAL)[0] or math.inf
