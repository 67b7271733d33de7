"""An emulator that is already running."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud import LocalCloudError
from local_cloud.cloud import LocalCloud
from local_cloud.endpoint import Endpoint
from servers.ports import free_ports


@pytest.fixture
def server() -> Iterator[str]:
    """Run a server and return its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_any_server_that_answers_is_accepted_and_not_stopped(server: str) -> None:
    endpoint = Endpoint(server)
    endpoint.start()
    endpoint.stop()
    endpoint.start()


def test_an_address_without_a_server_is_refused(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(LocalCloudError, match=f"Nothing answers at AWS_ENDPOINT_URL={url}.*unset AWS_ENDPOINT_URL"):
        Endpoint(url).start()


@pytest.mark.parametrize("url", ["127.0.0.1:4566", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port"])
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(LocalCloudError, match="AWS_ENDPOINT_URL must be like"):
        Endpoint(url)


def test_a_cloud_uses_the_emulator_of_the_environment(server: str, tmp_path: Path) -> None:
    gallery_port, emulator_port = free_ports(2)
    cloud = LocalCloud(tmp_path, gallery_port, emulator_port, {"AWS_ENDPOINT_URL": server}, "localstack")
    assert cloud.endpoint_url == server
    assert set(cloud.processes) == {"gallery"}


@pytest.mark.parametrize(
    ("host", "platform"),
    [("", "host"), ("/run/mysqld.sock", "host"), ("127.0.0.1", "host"), ("172.29.0.10", "container")],
)
def test_functions_run_in_containers_that_can_reach_the_database(tmp_path: Path, host: str, platform: str) -> None:
    environ = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "DATABASE_HOST": host, "DATABASE_USER": "root"}
    gallery_port, emulator_port = free_ports(2)
    assert LocalCloud(tmp_path, gallery_port, emulator_port, environ).platform == platform
