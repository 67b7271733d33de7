"""Shared by all tests: a real database server, an AWS inside this process, and no way out of this machine."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.loaders import JSONFileLoader
from moto import mock_aws

from catalog.database import Credentials, Database, DatabaseSettings, connect
from catalog.handler import MigrationSettings, apply
from clouds import EMULATORS, Cloud, Clouds
from gallery_client import GalleryClient
from local_cloud.database import Address, PrivateServer
from local_cloud.mariadb import find_or_fetch

APPLICATION_USER = Credentials("application", "of the tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person choose one emulator."""
    parser.addoption("--emulator", choices=EMULATORS, help="run the tests of the flow on one emulator, not on both")


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Fail whatever tries to reach another machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


def _guarded(connect_anywhere: Any) -> Any:
    def connect_here(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            self.close()
            pytest.fail(f"a test tried to reach {address[0]}")
        return connect_anywhere(self, address)

    return connect_here


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session", autouse=True)
def _read_service_models_once() -> Iterator[None]:
    """Keep what botocore reads from its files: half of the time of these tests, which each make new clients."""
    read, kept = JSONFileLoader.load_file, {}

    def read_once(self: JSONFileLoader, path: str) -> Any:
        if path not in kept:
            kept[path] = read(self, path)
        return kept[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", read_once)
        yield


@pytest.fixture
def aws() -> Iterator[None]:
    """Answer boto3 in this process, as an empty account in us-east-1."""
    with _aws_in_process():
        yield


@contextmanager
def _aws_in_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        with mock_aws():
            yield


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Run a database server of our own and give its address and master user."""
    installation = find_or_fetch(print)
    server = PrivateServer(tmp_path_factory.mktemp("server"), installation, durable=False)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


@pytest.fixture
def migration_settings(aws: None, database_server: Address) -> Iterator[MigrationSettings]:
    """Describe a database that does not exist yet, as the catalog function learns it; dropped in the end."""
    settings = _migration_settings(database_server, "fresh")
    yield settings
    master = connect(settings, Credentials(database_server.username, database_server.password))
    with master.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {settings.database_name}")
    master.close()


@pytest.fixture(scope="session")
def _schema(database_server: Address) -> str:
    """Migrate a database once, and return its name."""
    with _aws_in_process():
        settings = _migration_settings(database_server, "gallery")
        apply(settings)
        return settings.database_name


@pytest.fixture
def database(aws: None, database_server: Address, _schema: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Connect as the application's user to an empty catalogue; the environment says where it is, as in a service."""
    monkeypatch.setenv("DATABASE_HOST", database_server.host)
    monkeypatch.setenv("DATABASE_PORT", str(database_server.port))
    monkeypatch.setenv("DATABASE_NAME", _schema)
    monkeypatch.setenv("DATABASE_SECRET_ARN", _secret("application", APPLICATION_USER))
    database = Database(DatabaseSettings.from_environ(os.environ), max_connections=4)
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM image")
    yield database
    database.close()


def _migration_settings(server: Address, name: str) -> MigrationSettings:
    return MigrationSettings(
        database_host=server.host,
        database_port=server.port,
        database_name=name,
        database_secret_arn=_secret("master", Credentials(server.username, server.password)),
        application_secret_arn=_secret("application", APPLICATION_USER),
    )


def _secret(name: str, user: Credentials) -> str:
    value = json.dumps({"username": user.username, "password": user.password})
    return boto3.client("secretsmanager").create_secret(Name=f"{name}-{uuid4()}", SecretString=value)["ARN"]


@pytest.fixture(scope="session")
def clouds(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Clouds]:
    """Hold the one cloud that runs."""
    clouds = pytestconfig.stash[Clouds.KEY] = Clouds(tmp_path_factory.mktemp)
    yield clouds
    clouds.stop()


@pytest.fixture
def cloud(clouds: Clouds) -> Cloud:
    """Run the whole application, as `make up` does, on ports and in a folder of its own."""
    return clouds.use("ministack")


@pytest.fixture
def gallery(cloud: Cloud) -> GalleryClient:
    """Speak to the running gallery as a browser does."""
    return GalleryClient(cloud.gallery_url)
