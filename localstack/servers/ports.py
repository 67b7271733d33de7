"""Ports of the loopback interface: whether one is free, which program holds it, and whether a server answers on it."""

import contextlib
import http.client
import secrets
import socket
import time

import psutil

from servers import ServerError

CANDIDATES = range(20_000, 30_000)
"""Ports that `free_ports` chooses from; operating systems use higher ones for outgoing connections."""


def check_free(port: int, setting: str, patience: float = 0.0) -> None:
    """Check that a port can be listened on.

    Args:
        port: on 127.0.0.1.
        setting: the variable of make that chooses another port.
        patience: seconds to wait for a process that is just ending and still holds the port.

    Raises:
        ServerError: the port cannot be used; the message names the program that holds it and what to do.
    """
    if not 0 < port < 65536:
        raise ServerError(f"{setting}={port} is not a valid port; choose one between 1024 and 65535.")
    other = f"choose another port: make up {setting}={port + 1 if 1024 <= port < 65535 else 8080}"
    deadline = time.monotonic() + patience
    while _is_taken(port, other):
        if time.monotonic() >= deadline:
            raise ServerError(f"Port {port} is in use by {_holder(port)}. Stop it, or {other}.")
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
            raise ServerError(f"This user may not listen on port {port}; {other}.") from error
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
        pass  # on macOS only root may see this
    return "another program"


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that are free at the moment."""
    free: list[int] = []
    for port in secrets.SystemRandom().sample(CANDIDATES, len(CANDIDATES)):
        if len(free) == count:
            break
        with socket.socket() as probe, contextlib.suppress(OSError):  # it is in use
            probe.bind(("127.0.0.1", port))
            free.append(port)
    return free


def http_problem(port: int, path: str) -> str:
    """Return why the server on a port does not answer 200 to a path: the error or the body. "" means that it does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status == http.client.OK:
            return ""
        return answer.read(500).decode(errors="replace").strip() or f"status {answer.status}"
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
