"""Clouds and emulators for tests: each in a folder and on ports of its own."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local_cloud.cloud import LocalCloud
from local_cloud.emulator import Emulator


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


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
