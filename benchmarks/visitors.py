"""Visitors of a gallery: `python -m benchmarks.visitors PORT VISITORS SECONDS`, with searches on standard input.

Each visitor has a connection of its own, as a browser has for the gallery; pictures come from S3. A visitor opens pages
and photos, searches, polls and edits, with pauses between. The result is JSON: how often each status was answered, and
the times of answers in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from random import Random
from statistics import quantiles
from typing import Any
from urllib.parse import quote

PAUSE_SECONDS = (1.0, 5.0)
"""The shortest and the longest pause between two requests of a visitor."""
_PHOTO = re.compile(rb'href="/images/([0-9a-f-]{36})"')


class Visitor:
    """One visitor and the connection."""

    def __init__(self, port: int, searches: list[str], random: Random) -> None:
        """Remember where the gallery is; nothing is sent yet."""
        self._port = port
        self._searches = searches
        self._random = random
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._photos: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.milliseconds: list[float] = []

    async def visit(self, end: float) -> None:
        """Send requests until a moment of the event loop's clock."""
        loop = asyncio.get_running_loop()
        while loop.time() < end:
            await asyncio.sleep(self._random.uniform(*PAUSE_SECONDS))
            await self._act()
        if self._streams:
            self._streams[1].close()

    async def _act(self) -> None:
        action = self._random.random()
        if action < 0.2 or not self._photos:
            found = _PHOTO.findall(await self._send("GET", "/", plain=True))
            self._photos = [photo.decode() for photo in found] or self._photos
        elif action < 0.5:
            await self._send("GET", f"/?q={quote(self._random.choice(self._searches))}")
        elif action < 0.8:
            await self._send("GET", "/api/images?limit=50")
        elif action < 0.9:
            await self._send("GET", f"/images/{self._random.choice(self._photos)}")
        elif action < 0.95:
            await self._send("GET", f"/images/{self._random.choice(self._photos)}/download")
        else:
            body = json.dumps({"caption": f"Edited: {self._random.choice(self._searches)}"})
            await self._send("PATCH", f"/api/images/{self._random.choice(self._photos)}", body)

    async def _send(self, method: str, path: str, body: str = "", *, plain: bool = False) -> bytes:
        began = time.monotonic()
        reader, writer = self._streams or await asyncio.open_connection("127.0.0.1", self._port)
        self._streams = reader, writer
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Accept-Encoding: {'identity' if plain else 'gzip'}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        answer = await reader.readexactly(int(length[1])) if length else b""
        self.statuses[int(head.split(b" ", 2)[1])] += 1
        self.milliseconds.append((time.monotonic() - began) * 1000)
        if b"connection: close" in head.lower():
            writer.close()
            self._streams = None
        return answer


async def visit(port: int, count: int, seconds: float, searches: list[str]) -> dict[str, Any]:
    """Let visitors use the gallery, and return the result."""
    visitors = [Visitor(port, searches, Random(number)) for number in range(count)]
    end = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(*(visitor.visit(end) for visitor in visitors))
    times = quantiles([each for visitor in visitors for each in visitor.milliseconds], n=100)
    return {
        "statuses": dict(sum((visitor.statuses for visitor in visitors), Counter())),
        "milliseconds": {"p50": times[49], "p95": times[94], "p99": times[98]},
    }


if __name__ == "__main__":
    port, count, seconds = sys.argv[1:]
    queries = sys.stdin.read().splitlines()
    sys.stdout.write(json.dumps(asyncio.run(visit(int(port), int(count), float(seconds), queries))))
