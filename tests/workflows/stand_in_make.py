"""Stands in for make on the machine of a job: notes each call, and lets happen what the test wants to.

The folder `STAND_IN` has what the test wants (wanted.json, see act.py) and gets a line for each call (calls).
A target that is `real` runs this checkout's prepared environments, so that nothing is installed.
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
ENVIRONMENTS = (".local/uv", ".local/venv", ".venv")


def main(words: list[str]) -> int:
    """Return the exit status of the call."""
    with (STAND_IN / "calls").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    wanted = json.loads((STAND_IN / "wanted.json").read_text())
    target = next(word for word in words if "=" not in word)
    if target in wanted["real"]:
        return really_make(words, wanted) or follow(target, wanted)
    return pretend(words, wanted["outcomes"])


def really_make(words: list[str], wanted: dict[str, Any]) -> int:
    """Run make itself, and take what it would install as installed."""
    checkout = Path(wanted["checkout"])
    for name in ENVIRONMENTS:
        if not Path(name).exists():
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).symlink_to(checkout / name)
    Path(".git/info/exclude").write_text("/.venv\n")  # a link is not the folder that .gitignore means
    ready = [".local/uv/bin/uv", *(f"{folder}/ready" for folder in wanted["environments"])]
    installed = [word for file in ready for word in ("--old-file", file)]
    return subprocess.run([wanted["make"], *installed, *words], check=False).returncode


def follow(target: str, wanted: dict[str, Any]) -> int:
    """Tell whoever waits for a target that it is done, and wait until they are ready."""
    import urllib.error  # here, for loading it takes longer than most calls last
    import urllib.request

    if target in wanted["followers"]:
        try:
            urllib.request.urlopen(wanted["followers"][target], b"").close()
        except urllib.error.HTTPError as error:
            sys.stderr.write(error.read().decode())
            return 1
    return 0


def pretend(words: list[str], outcomes: list[dict[str, Any]]) -> int:
    """Write the files and end as the outcome says that names the most of the words; of several, the last."""
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
