"""How fast the first page is, in HTML and in JSON, beside the smallest page that Flask can answer."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from typing import NamedTuple

from benchmarks.application import HELLO
from benchmarks.gallery import Gallery
from benchmarks.table import Row
from servers import REPOSITORY

CLIENTS = 6
WARM_UP_SECONDS = 0.5
MOST_LOAD = 0.7
"""The part of one processor that the load may use; more of it would slow down the server."""
HTML, JSON = "/", "/api/images?limit=50"


class Target(NamedTuple):
    """A page of a gallery."""

    gallery: Gallery
    path: str


def measure(large: Gallery, small: Gallery, rounds: int, seconds: float) -> list[Row]:
    """Measure pages in turns, and return ratios: medians of what was measured in the same round."""
    targets = [Target(large, HELLO), *(Target(gallery, path) for path in (HTML, JSON) for gallery in (large, small))]
    for target in targets:
        send(target, WARM_UP_SECONDS)
    results = [{target: send(target, seconds) for target in targets} for _ in range(rounds)]

    def ratio(one: Target, other: Target) -> float:
        return median(found[one]["rate"] / found[other]["rate"] for found in results)

    hello = Target(large, HELLO)
    rows = [
        Row(f"GET {path}, 50 of {large.rows:,} photos, relative to a hello-world page", value, goal)
        for path, goal in ((HTML, 0.15), (JSON, 0.25))
        for value in [ratio(Target(large, path), hello)]
    ]
    rows += [
        Row(
            f"GET {path}, from {small.rows:,} to {large.rows:,} photos",
            ratio(Target(small, path), Target(large, path)),
            1.2,
            " x slower",
            smaller_is_better=True,
        )
        for path in (HTML, JSON)
    ]
    kilobytes = results[0][Target(large, HTML)]["body_bytes"] / 1000
    return [*rows, Row("bytes of the first page of HTML, compressed", kilobytes, 12, " kB", smaller_is_better=True)]


def send(target: Target, seconds: float) -> dict[str, float]:
    """Send requests from another process, see `benchmarks.load.send`."""
    command = [sys.executable, "-m", "benchmarks.load", str(target.gallery.port), target.path, str(CLIENTS)]
    sent = subprocess.run([*command, str(seconds)], cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    result: dict[str, float] = json.loads(sent.stdout)
    if result["load"] > MOST_LOAD:
        raise RuntimeError(f"the load takes {result['load']:.0%} of a processor, so it is too slow for {target.path}")
    return result
