"""Free and taken ports."""

import socket
import threading

import pytest

from servers import ServerError
from servers.ports import check_free, free_ports


def test_a_free_port_is_accepted() -> None:
    check_free(free_ports(1)[0], "PORT")


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_the_error_for_a_taken_port_names_its_holder_and_another_port(address: str) -> None:
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ServerError, match=f"Port {port} is in use by .*make up EMULATOR_PORT={port + 1}"):
            check_free(port, "EMULATOR_PORT")


def test_a_port_that_is_released_in_time_is_accepted() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    leaving = threading.Timer(0.2, server.close)
    leaving.start()
    check_free(server.getsockname()[1], "PORT", patience=5)
    leaving.join()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_an_invalid_port_is_refused(port: int) -> None:
    with pytest.raises(ServerError, match="not a valid port"):
        check_free(port, "PORT")


def test_free_ports_are_distinct_usable_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32_768  # where Linux begins; other systems begin higher
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_taken_port_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, free = free_ports(2)
    monkeypatch.setattr("servers.ports.CANDIDATES", (taken, free))
    with socket.create_server(("127.0.0.1", taken)):
        assert free_ports(1) == [free]
