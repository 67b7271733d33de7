"""The gallery in gunicorn, as in production: one process with four threads."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from servers import REPOSITORY
from servers.ports import free_ports, http_problem
from servers.processes import Child


@dataclass(frozen=True)
class Gallery:
    """A running gallery of `rows` photos, on a port of the loopback."""

    port: int
    rows: int
    database: str
    """The name of its database."""


@contextmanager
def running(folder: Path, database: str, rows: int, environ: Mapping[str, str]) -> Iterator[Gallery]:
    """Run the gallery of a database until the end of the block; its logs go into the folder."""
    (port,) = free_ports(1)
    child = Child(f"gallery of {database}", folder)
    child.start(
        [
            *(sys.executable, "-m", "gunicorn"),
            *("--config", str(REPOSITORY / "services" / "web" / "web" / "gunicorn.conf.py")),
            *("--bind", f"127.0.0.1:{port}"),
            "benchmarks.application:create()",
        ],
        {**environ, "DATABASE_NAME": database},
        REPOSITORY,
        partial(http_problem, port, "/readyz"),
    )
    try:
        yield Gallery(port, rows, database)
    finally:
        child.stop()
