"""Pauses between retries.

Full jitter: clients that failed at the same time do not all retry at the same time.
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

import random
from collections.abc import Callable


def full_jitter(
    failures: int, first_seconds: float, most_seconds: float, chance: Callable[[], float] = random.random
) -> float:
    """Return the seconds to wait after `failures` failures in a row (1 or more).

    The pause is uniformly distributed between zero and a limit. The limit starts at `first_seconds`, doubles with each
    failure, and never exceeds `most_seconds`. `chance` returns a number from 0 to 1.
    """
    doublings = min(failures - 1, 64)  # a float overflows at 2**1024
    return chance() * min(most_seconds, first_seconds * 2.0**doublings)
