"""Lets the clock of the sweep run ahead by the seconds in the file that AHEAD_FILE names, in a process of a function.

The photos in the bucket are then as old as a test wants them to be.
"""

from __future__ import annotations

import datetime
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class AheadDatetime(datetime.datetime):
    """The time, and what it is ahead."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        """Return a moment to come."""
        ahead = float(Path(os.environ["AHEAD_FILE"]).read_text(encoding="utf-8"))
        return datetime.datetime.now(tz) + datetime.timedelta(seconds=ahead)


class WatchSweep(MetaPathFinder):
    """Waits until the process imports the sweep."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the sweep our clock."""
        if fullname != "catalog_functions.sweep":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def execute_and_set(module: ModuleType) -> None:
            execute(module)
            module.datetime = AheadDatetime  # type: ignore[attr-defined]

        spec.loader.exec_module = execute_and_set  # type: ignore[method-assign]
        return spec


if os.environ.get("AHEAD_FILE"):
    sys.meta_path.insert(0, WatchSweep())
