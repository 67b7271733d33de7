"""Ports that are taken, and who has them."""

import socket
import threading
from collections.abc import Iterator

import pytest

from local_cloud import LocalCloudError
from local_cloud.ports import check_free, free_ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_fine(taken: int) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    check_free(port, "PORT")


def test_a_taken_port_names_its_holder_and_another_port(taken: int) -> None:
    with pytest.raises(LocalCloudError, match=f"Port {taken} is in use by .*make up EMULATOR_PORT={taken + 1}"):
        check_free(taken, "EMULATOR_PORT")


def test_a_port_taken_on_every_address_counts() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server, pytest.raises(LocalCloudError, match="in use"):
        check_free(server.getsockname()[1], "PORT")


def test_a_port_that_is_about_to_be_left_is_waited_for() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    leaving = threading.Timer(0.2, server.close)
    leaving.start()
    check_free(server.getsockname()[1], "PORT", patience=5)
    leaving.join()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(LocalCloudError, match="no port"):
        check_free(port, "PORT")


def test_free_ports_are_none_that_the_system_gives_to_others_meanwhile() -> None:
    assert max(free_ports(20)) < 32_768  # Linux begins there, others later


def test_free_ports_differ_and_can_be_listened_on() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_that_somebody_listens_on_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, free = free_ports(2)
    monkeypatch.setattr("local_cloud.ports.GIVEN", range(min(taken, free), max(taken, free) + 1, abs(taken - free)))
    with socket.create_server(("127.0.0.1", taken)):
        assert free_ports(1) == [free]
