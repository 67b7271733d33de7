"""Clouds and emulators for tests: each has its own folder and ports."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local_cloud.cloud import DatabaseName, EmulatorName, LocalCloud
from local_cloud.ministack import MiniStack
from servers.ports import free_ports

_NAMES = ("AWS_ENDPOINT_URL", "DATABASE_HOST", "DATABASE_PORT", "DATABASE_USER", "DATABASE_PASSWORD")
ELSEWHERE = {name: os.environ[name] for name in _NAMES if name in os.environ and os.environ.get("AWS_ENDPOINT_URL")}
"""The running emulator and its database, if the environment of the tests names them."""


@contextmanager
def running_cloud(
    data: Path,
    environ: Mapping[str, str],
    emulator: EmulatorName = "ministack",
    database: DatabaseName = "mariadb",
) -> Iterator[LocalCloud]:
    """Run a cloud; `environ` is the user's environment, with variables such as GEMINI_API_KEY.

    If AWS_ENDPOINT_URL is set, it uses that emulator and the database of DATABASE_HOST.
    """
    gallery_port, emulator_port = free_ports(2)
    cloud = LocalCloud(data, gallery_port, emulator_port, {**ELSEWHERE, **environ}, emulator, database)
    cloud.start(print)
    try:
        yield cloud
    finally:
        cloud.stop()


@contextmanager
def running_emulator(data: Path, environ: Mapping[str, str]) -> Iterator[MiniStack]:
    """Run MiniStack without stacks; each database instance is a real server."""
    (port,) = free_ports(1)
    emulator = MiniStack(data, port, environ, databases=True)
    try:
        emulator.start()
        yield emulator
    finally:
        emulator.stop()
