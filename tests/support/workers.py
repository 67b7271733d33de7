"""Distributes tests among the workers of pytest-xdist; each worker starts its own servers."""

import re

from xdist.scheduler.loadscope import LoadScopeScheduling

TOGETHER = {
    "instances": re.compile(r"tests/infrastructure/boot/"),
    "the cloud that is killed": re.compile(r"tests/integration/faults/test_(database|emulator|web)_faults"),
    "the cloud that fails": re.compile(r"tests/integration/faults/"),
    "MiniStack": re.compile(r"tests/integration/.*[\[-]ministack[]-]"),
    "LocalStack": re.compile(r"tests/integration/.*[\[-]localstack[]-]"),
}
"""Groups of tests that share servers which are slow to start; the first matching pattern applies."""


def group(nodeid: str) -> str:
    """Return the group of a test: tests that share servers, or else those of its file. One worker runs all of it."""
    path = nodeid.partition("::")[0]
    return next((name for name, pattern in TOGETHER.items() if pattern.match(nodeid)), path)


class Scheduler(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Gives an idle worker the next group."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
