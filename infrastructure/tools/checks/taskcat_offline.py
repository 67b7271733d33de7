"""Runs taskcat without internet access except to AWS: `python taskcat_offline.py SECONDS test run …`.

taskcat requests its newest version and the style sheet of its report from the internet; these are answered here.
SECONDS is the polling interval for stacks; the default of a minute is too long for an emulator.
"""

import importlib
import importlib.metadata
import sys
import threading
from collections.abc import Callable
from typing import Any

import requests

STYLE = """
body { font: 14px sans-serif; margin: 2em; }
td, th { padding: 0.4em 0.8em; text-align: left; }
.test-green { background: #c8e6c9; }
.test-red { background: #ffcdd2; }
"""


class Answer:
    """The parts of a response that taskcat reads."""

    text = STYLE

    def json(self) -> dict[str, Any]:
        """Return PyPI's response if this version is the newest."""
        return {"info": {"version": importlib.metadata.version("taskcat")}}


def get(url: str, **_: object) -> Answer:
    """Stand in for `requests.get`."""
    if url.startswith(("https://pypi.org/pypi/taskcat/", "https://raw.githubusercontent.com/aws-ia/taskcat/")):
        return Answer()
    raise requests.ConnectionError(f"taskcat runs without internet access but requested {url}")


if __name__ == "__main__":
    look_seconds = int(sys.argv.pop(1))

    def timer(_: float, function: Callable[[], None]) -> threading.Timer:
        """Stand in for `threading.Timer`, with the polling interval."""
        return threading.Timer(look_seconds, function)

    vars(requests)["get"] = get
    vars(importlib.import_module("taskcat._cfn.stack"))["Timer"] = timer
    importlib.import_module("taskcat._tui").TerminalPrinter.report_test_progress.__defaults__ = (look_seconds,)
    importlib.import_module("taskcat._cli").main()
