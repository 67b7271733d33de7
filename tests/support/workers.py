"""How tests are shared out among the workers of pytest-xdist, each of which has servers of its own."""

from __future__ import annotations

import re

from xdist.scheduler.loadscope import LoadScopeScheduling

TOGETHER = {
    "instances": re.compile(r"tests/infrastructure/boot/"),
    "the cloud that is killed": re.compile(r"tests/integration/faults/test_(database|emulator|web)_faults"),
    "the cloud that fails": re.compile(r"tests/integration/faults/"),
    "MiniStack": re.compile(r"tests/integration/.*[\[-]ministack[]-]"),
    "LocalStack": re.compile(r"tests/integration/.*[\[-]localstack[]-]"),
}
"""Tests that share servers which take long to start; the first pattern that matches decides."""


def group(nodeid: str) -> str:
    """Return the name of the tests that one worker runs, in order: those that share servers, or those of a file."""
    path = nodeid.partition("::")[0]
    return next((name for name, pattern in TOGETHER.items() if pattern.match(nodeid)), path)


class Scheduler(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Gives each worker the next group when it has done its own."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
