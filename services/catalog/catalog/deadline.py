"""Ends work in time: before Lambda kills a function that still holds something, without a word in the log."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

AGAIN_SECONDS = 1.0
"""How long after an alarm the next one follows, should the first have come at a bad moment or been swallowed."""


class Context(Protocol):
    """What Lambda tells about an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function is stopped."""


class OutOfTimeError(Exception):
    """The time for some work is used up. Worth another try later."""


class _AlarmError(BaseException):
    """No Exception: decoders and botocore turn every Exception into one of their own, or try again."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the code within after so many seconds, wherever it is: in a query, a download, an event loop.

    Only the main thread can be interrupted, which is where Lambda calls handlers; in others nothing happens. A process
    has one such timer, so that limits do not nest.

    Raises:
        OutOfTimeError: the time is used up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if seconds <= 0:
        raise OutOfTimeError("there was no time left to begin")
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    try:
        yield
    except _AlarmError as alarm:
        raise OutOfTimeError(f"interrupted after {seconds:.0f} seconds, in time to be tried again") from alarm
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ring(_number: int, frame: FrameType | None) -> None:
    # On its way into a limit or out of it, an alarm would leave the timer running, or escape: it comes again in time.
    if frame is None or frame.f_globals.get("__name__") not in (__name__, "contextlib", "signal"):
        raise _AlarmError


def seconds_left() -> float:
    """Return how long the current limit lasts; infinity where there is none."""
    if threading.current_thread() is not threading.main_thread():
        return math.inf
    return signal.getitimer(signal.ITIMER_REAL)[0] or math.inf
