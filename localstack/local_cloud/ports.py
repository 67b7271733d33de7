"""Ports of the loopback: whether one is free, who has it when it is not, and which are."""

from __future__ import annotations

import contextlib
import secrets
import socket
import time

import psutil

from local_cloud import LocalCloudError

GIVEN = range(20_000, 30_000)
"""Ports that free_ports chooses from: below those that operating systems give to connections by themselves."""


def check_free(port: int, setting: str, patience: float = 0.0) -> None:
    """Make sure that a port can be listened on; `setting` is the variable of make that chooses another.

    `patience` is how many seconds a process that is just ending may still hold it.

    Raises:
        LocalCloudError: it cannot; the message says who holds it and what to do.
    """
    if not 0 < port < 65536:
        raise LocalCloudError(f"{setting}={port} is no port; choose one between 1024 and 65535.")
    other = f"choose another port: make up {setting}={port + 1 if 1024 <= port < 65535 else 8080}"
    deadline = time.monotonic() + patience
    while _is_taken(port, other):
        if time.monotonic() >= deadline:
            raise LocalCloudError(f"Port {port} is in use by {_holder(port)}. Stop that, or {other}.")
        time.sleep(0.05)


def _is_taken(port: int, other: str) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise LocalCloudError(f"This user may not listen on port {port}; {other}.") from error
        except OSError:
            return True
    return False


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass  # macOS tells only root
    return "another program"


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody listens on."""
    free: list[int] = []
    for port in secrets.SystemRandom().sample(GIVEN, len(GIVEN)):
        if len(free) == count:
            break
        with socket.socket() as probe, contextlib.suppress(OSError):  # somebody listens on it
            probe.bind(("127.0.0.1", port))
            free.append(port)
    return free
