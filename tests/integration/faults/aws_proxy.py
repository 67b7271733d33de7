"""A proxy before the emulator that fails as AWS does, for the calls of functions.

What rules can say: https://pypi.org/project/microburst/
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import requests

from servers.ports import free_ports, http_problem
from servers.processes import Child

PROGRAM = Path(__file__).with_name("microburst_with_lengths.py")
START_SECONDS = 300.0


class AwsProxy:
    """microburst, as a child process; without rules it passes everything on."""

    def __init__(self, data: Path, upstream: str) -> None:
        """Choose a port; `upstream` is the address of the emulator."""
        (self._port,) = free_ports(1)
        self._upstream = upstream
        self._child = Child("proxy", data)
        self._data = data
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, str(PROGRAM), "--upstream", self._upstream, "--port", str(self._port)]
        environ = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
        self._child.start(
            command, environ, self._data, lambda: http_problem(self._port, "/_microburst/health"), START_SECONDS
        )

    def stop(self) -> None:
        """End it, whatever it is still holding back."""
        self._child.stop(0)

    def fail(self, *rules: dict[str, Any]) -> None:
        """Follow these rules from now on, and no others."""
        requests.post(f"{self.url}/_microburst/rules", json=list(rules), timeout=10).raise_for_status()
        requests.delete(f"{self.url}/_microburst/fired", timeout=10).raise_for_status()

    def clear(self) -> None:
        """Pass everything on again."""
        self.fail()

    def fired(self) -> list[dict[str, Any]]:
        """Return what has failed since the rules were given, in order."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/_microburst/fired", timeout=10).json()
        return found
