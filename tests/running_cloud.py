"""Clouds and emulators for tests: each in a folder and on ports of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local_cloud.cloud import LocalCloud
from local_cloud.emulator import Emulator
from local_cloud.ports import free_ports


@contextmanager
def running_cloud(data: Path, environ: Mapping[str, str]) -> Iterator[LocalCloud]:
    """Run a cloud; `environ` is the environment that `make up` would have, such as GEMINI_API_KEY."""
    gallery_port, emulator_port = free_ports(2)
    cloud = LocalCloud(data, gallery_port, emulator_port, environ)
    cloud.start(print)
    try:
        yield cloud
    finally:
        cloud.stop()


@contextmanager
def running_emulator(data: Path, environ: Mapping[str, str]) -> Iterator[Emulator]:
    """Run an emulator that holds no stacks yet, with a real server behind each database instance."""
    (port,) = free_ports(1)
    emulator = Emulator(data, port, environ, databases=True)
    emulator.start()
    try:
        yield emulator
    finally:
        emulator.stop()
