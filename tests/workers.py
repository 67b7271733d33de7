"""How tests are shared out among the workers of pytest-xdist, each of which has servers of its own."""

from __future__ import annotations

import re

from xdist.scheduler.loadscope import LoadScopeScheduling

TOGETHER = ("tests/infrastructure/boot/", "tests/integration/faults/")
"""Folders whose tests share servers that take long to start."""

CLOUD = re.compile(r"^tests/integration/.*[\[-](ministack|localstack)[]-]")


def group(nodeid: str) -> str:
    """Return the name of the tests that one worker runs, in order: those of a file, or of all that share a cloud."""
    if shared := CLOUD.search(nodeid):
        return shared[1]
    path = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(folder)), path)


class Scheduler(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Gives each worker the next group when it has done its own."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
