"""Stand-in for make on the machine of a job: records each call, and produces the result that the test specifies.

The folder `STAND_IN` has the test's instructions (wanted.json, see act.py) and gets a line for each call (calls).
A `real` target runs make with this checkout's environments, but for the tools: these act on the clone they are in.
"""

import itertools
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

STAND_IN = Path(os.environ["STAND_IN"])


def main(words: list[str]) -> int:
    """Handle a call and return its exit status."""
    with (STAND_IN / "calls").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    wanted = json.loads((STAND_IN / "wanted.json").read_text())
    target = next(word for word in words if "=" not in word)
    if target in wanted["real"]:
        return really_make(words, wanted) or follow(target, wanted)
    return pretend(words, wanted["outcomes"])


def really_make(words: list[str], wanted: dict[str, Any]) -> int:
    """Run make itself, with everything treated as installed."""
    checkout = Path(wanted["checkout"])
    for name in (".local/uv", *wanted["environments"]):
        if not Path(name).is_symlink():
            Path(name).parent.mkdir(exist_ok=True, parents=True)
            Path(name).symlink_to(checkout / name)
    Path(".git/info/exclude").write_text("/.venv\n")  # .gitignore does not match links
    ready = [".local/uv/bin/uv", *(f"{folder}/ready" for folder in wanted["environments"])]
    installed = [word for file in ready for word in ("--old-file", file)]
    offline = {**os.environ, "UV_OFFLINE": "1"}  # what the tools need is in the cache of uv
    return subprocess.run([wanted["make"], *installed, *words], env=offline, check=False).returncode


def follow(target: str, wanted: dict[str, Any]) -> int:
    """Notify the follower of a target, and wait until it is ready."""
    import urllib.error  # here, because its import takes longer than most calls
    import urllib.request

    if target in wanted["followers"]:
        try:
            urllib.request.urlopen(wanted["followers"][target], b"").close()
        except urllib.error.HTTPError as error:
            sys.stderr.write(error.read().decode())
            return 1
    return 0


def pretend(words: list[str], outcomes: list[dict[str, Any]]) -> int:
    """Write the files and return the status of the most specific matching outcome; the last one wins a tie."""
    fitting = [outcome for outcome in outcomes if set(outcome["call"].split()) <= set(words)]
    outcome: dict[str, Any] = max(
        reversed(fitting), key=lambda outcome: len(outcome["call"].split()), default={"files": {}, "exit": 0}
    )
    assignments = dict(word.split("=", 1) for word in words if "=" in word)
    options = dict(itertools.pairwise(shlex.split(assignments.get("ARGS", "")))) | assignments
    for name, content in outcome["files"].items():
        if "/" in name or name in options:
            path = Path(options.get(name, name))
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(content)
    return int(outcome["exit"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
