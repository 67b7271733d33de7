"""How long to wait before something is tried again.

Full jitter: clients that failed together do not come back together.
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

import random
from collections.abc import Callable


def full_jitter(
    failures: int, first_seconds: float, most_seconds: float, chance: Callable[[], float] = random.random
) -> float:
    """Return the seconds to wait after so many failures in a row, which are 1 or more.

    Anything from nothing to a bound is as likely: the bound is `first_seconds` at first, doubles with each failure, and
    is `most_seconds` at the most. `chance` returns a number from 0 to 1.
    """
    doublings = min(failures - 1, 64)  # a float ends at 2**1024
    return chance() * min(most_seconds, first_seconds * 2.0**doublings)
