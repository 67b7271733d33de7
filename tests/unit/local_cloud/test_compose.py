"""The parts of compose.yaml that can be checked without Docker: https://github.com/compose-spec/compose-spec."""

import ipaddress
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from uv import find_uv_bin

from local_cloud.localstack import SERVICES
from servers import REPOSITORY

FILE = REPOSITORY / "localstack" / "compose.yaml"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load(FILE.read_text())


def test_only_the_loopback_is_published(compose: Any) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:4566:4566"]


def test_images_are_pinned(compose: Any) -> None:
    images = {service["image"] for service in compose["services"].values()}
    assert images == {"localstack/localstack:4.14.0", "mysql:8.4"}


def test_every_service_has_a_health_check(compose: Any) -> None:
    assert all("test" in service["healthcheck"] for service in compose["services"].values())


def test_the_file_contains_no_password(compose: Any) -> None:
    password = compose["services"]["mysql"]["environment"]["MYSQL_ROOT_PASSWORD"]
    assert password.startswith("${DATABASE_PASSWORD:?")
    for service in compose["services"].values():
        for name, value in service["environment"].items():
            assert value.startswith("${") or not re.search("PASSWORD|SECRET|TOKEN", name), name


def test_functions_and_database_share_a_network_with_fixed_addresses(compose: Any) -> None:
    (network,) = compose["networks"].values()
    subnet = ipaddress.ip_network(network["ipam"]["config"][0]["subnet"])
    addresses = [service["networks"]["gallery"]["ipv4_address"] for service in compose["services"].values()]
    assert len(set(addresses)) == len(addresses)
    assert all(ipaddress.ip_address(address) in subnet for address in addresses)
    assert subnet.is_private
    assert compose["services"]["localstack"]["environment"]["LAMBDA_DOCKER_NETWORK"] == network["name"]
    assert f"DATABASE_HOST={compose['services']['mysql']['networks']['gallery']['ipv4_address']} " in FILE.read_text()


def test_localstack_has_the_same_services_with_and_without_docker(compose: Any) -> None:
    assert compose["services"]["localstack"]["environment"]["SERVICES"] == SERVICES


def test_localstack_finds_its_plugins_in_the_mounted_wheel(compose: Any, tmp_path: Path) -> None:
    environment, volumes = (compose["services"]["localstack"][name] for name in ("environment", "volumes"))
    source, target, mode = next(volume for volume in volumes if volume.startswith(".")).split(":")
    assert (mode, target) == ("ro", environment["PYTHONPATH"])
    command = [find_uv_bin(), "build", "--quiet", "--offline", "--wheel", str(FILE.parent), "--out-dir", str(tmp_path)]
    subprocess.run(command, check=True)
    entry_points = (
        "import importlib.metadata as m, localstack_executor as e; "
        "print(e.__file__, *m.entry_points(group='localstack.lambda.runtime_executor'), sep='\\n')"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", entry_points],
        env={"PYTHONPATH": str(tmp_path / Path(source).name)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert found.startswith(str(tmp_path))
    assert "localstack_executor.plugins:ProcessExecutorPlugin" in found
