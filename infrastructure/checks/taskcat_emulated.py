"""taskcat for an emulator, without the internet: `python taskcat_emulated.py test run …` is `taskcat test run …`.

taskcat asks the internet for the newest version of itself and for the style sheet of its report, which are answered
here; and it looks at a stack once a minute, which is long for an emulator.
"""

import importlib
import importlib.metadata
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
LOOK_SECONDS = 1


class Answer:
    """What taskcat reads of a response."""

    text = STYLE

    def json(self) -> dict[str, Any]:
        """Return what PyPI would say, were this version the newest."""
        return {"info": {"version": importlib.metadata.version("taskcat")}}


def get(url: str, **_: object) -> Answer:
    """Stand in for `requests.get`."""
    if url.startswith(("https://pypi.org/pypi/taskcat/", "https://raw.githubusercontent.com/aws-ia/taskcat/")):
        return Answer()
    raise requests.ConnectionError(f"taskcat runs without the internet and wanted {url}")


def impatient_timer(_: float, function: Callable[[], None]) -> threading.Timer:
    """Stand in for `threading.Timer`, which would look after a minute."""
    return threading.Timer(LOOK_SECONDS, function)


if __name__ == "__main__":
    vars(requests)["get"] = get
    vars(importlib.import_module("taskcat._cfn.stack"))["Timer"] = impatient_timer
    importlib.import_module("taskcat._tui").TerminalPrinter.report_test_progress.__defaults__ = (LOOK_SECONDS,)
    importlib.import_module("taskcat._cli").main()
