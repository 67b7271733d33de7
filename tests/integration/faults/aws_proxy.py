"""A proxy in front of the emulator that injects AWS errors into the calls of functions.

Rules: https://pypi.org/project/microburst/
"""

import os
import sys
from pathlib import Path
from typing import Any

import requests

from servers.ports import free_ports, http_problem
from servers.processes import Child
from support.waiting import SECONDS

PROGRAM = Path(__file__).with_name("microburst_with_lengths.py")


class AwsProxy:
    """microburst as a child process; without rules it forwards everything."""

    def __init__(self, data: Path, upstream: str) -> None:
        """Choose a port; `upstream` is the emulator's address."""
        (self._port,) = free_ports(1)
        self._upstream = upstream
        self._child = Child("proxy", data)
        self._data = data
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the proxy and wait until it responds."""
        command = [sys.executable, str(PROGRAM), "--upstream", self._upstream, "--port", str(self._port)]
        environ = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
        self._child.start(
            command, environ, self._data, lambda: http_problem(self._port, "/_microburst/health"), SECONDS
        )

    def stop(self) -> None:
        """Stop the proxy, even if it is delaying requests."""
        self._child.stop(0)

    def fail(self, *rules: dict[str, Any]) -> None:
        """Replace the rules."""
        requests.post(f"{self.url}/_microburst/rules", json=list(rules), timeout=10).raise_for_status()
        requests.delete(f"{self.url}/_microburst/fired", timeout=10).raise_for_status()

    def clear(self) -> None:
        """Forward everything again."""
        self.fail()

    def fired(self) -> list[dict[str, Any]]:
        """Return the faults injected since the rules were set, in order."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/_microburst/fired", timeout=10).json()
        return found
