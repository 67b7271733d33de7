"""Clouds and emulators for tests: each in a folder and on ports of its own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local_cloud.cloud import DatabaseName, EmulatorName, LocalCloud
from local_cloud.emulator import Emulator
from local_cloud.ports import free_ports

_NAMES = ("AWS_ENDPOINT_URL", "DATABASE_HOST", "DATABASE_PORT", "DATABASE_USER", "DATABASE_PASSWORD")
ELSEWHERE = {name: os.environ[name] for name in _NAMES if name in os.environ and os.environ.get("AWS_ENDPOINT_URL")}
"""The emulator that runs already, and its database, when the environment of the tests names them."""


@contextmanager
def running_cloud(
    data: Path,
    environ: Mapping[str, str],
    emulator: EmulatorName = "ministack",
    database: DatabaseName = "mariadb",
) -> Iterator[LocalCloud]:
    """Run a cloud; `environ` is the environment that `make up` would have, such as GEMINI_API_KEY.

    Where the environment of the tests has AWS_ENDPOINT_URL, that emulator is used, with the database of DATABASE_HOST.
    """
    gallery_port, emulator_port = free_ports(2)
    cloud = LocalCloud(data, gallery_port, emulator_port, {**ELSEWHERE, **environ}, emulator, database)
    cloud.start(print)  # everything, or nothing
    try:
        yield cloud
    finally:
        cloud.stop()


@contextmanager
def running_emulator(data: Path, environ: Mapping[str, str]) -> Iterator[Emulator]:
    """Run an emulator that holds no stacks yet, with a real server behind each database instance."""
    (port,) = free_ports(1)
    emulator = Emulator(data, port, environ, databases=True)
    try:
        emulator.start()
        yield emulator
    finally:
        emulator.stop()
