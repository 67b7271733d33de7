"""Shared by all tests: a real database server, an AWS inside this process, and no way out of this machine."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pymysql
import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import settings
from moto import mock_aws
from pymysql.connections import Connection

from catalog.database import Credentials, Database, DatabaseSettings, connect
from catalog_functions.custom_resource import MigrationSettings, apply
from local_cloud import LocalCloudError, mariadb, mysql
from local_cloud.database import Address, PrivateServer, external
from local_cloud.installation import Installation

if TYPE_CHECKING:
    from support.clouds import Cloud, Clouds
    from support.gallery_client import GalleryClient
    from support.gemini_server import GeminiServer

APPLICATION_USER = Credentials("gallery_tests", "of the tests")
DATABASE = "gallery_tests"
"""No name that a person gives: a server that was given may hold more."""
GIVEN_SERVER = pytest.StashKey[Address]()
FIND = {"mariadb": mariadb.find_or_fetch, "mysql": mysql.find_or_fetch}


settings.register_profile("unhurried", settings(), deadline=None)  # a loaded machine fails no test
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person choose a database server."""
    parser.addoption("--database", choices=FIND, default="mariadb", help="the database server that tests start")
    parser.addoption(
        "--given-database",
        action="store_true",
        help="use the server of DATABASE_HOST, _PORT, _USER and _PASSWORD; what needs one of its own is skipped",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Know the server that was given, or end when this machine cannot have the one that was chosen."""
    if config.getoption("--database") == "mysql":
        try:
            mysql.find_or_fetch(print)
        except LocalCloudError as error:
            pytest.exit(f"Nothing is tested on MySQL. {error}", returncode=1 if os.environ.get("CI") else 0)
    if config.getoption("--given-database"):
        try:
            address = external(os.environ)
        except LocalCloudError as error:
            raise pytest.UsageError(str(error)) from error
        if address is None:
            raise pytest.UsageError("No database is given: set DATABASE_HOST, DATABASE_USER and DATABASE_PASSWORD.")
        config.stash[GIVEN_SERVER] = address


@pytest.hookimpl(optionalhook=True)  # what tests one service alone has no xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Share out the tests among workers by the servers that they use."""
    from support.workers import Scheduler

    return Scheduler(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what compares MariaDB with another server where there is no other."""
    has_other = GIVEN_SERVER in config.stash or config.getoption("--database") != "mariadb"
    return None if has_other or collection_path.name != "test_both_servers.py" else True


def pytest_report_header(config: pytest.Config) -> str:
    """Tell which database the tests use."""
    if GIVEN_SERVER not in config.stash:
        return f"database: {config.getoption('--database')}, started by the tests"
    address = config.stash[GIVEN_SERVER]
    try:
        with closing(_connect_master(address)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT VERSION(), @@version_comment")
            return f"database: {' '.join(cursor.fetchone() or ())} at {address.host}:{address.port}"
    except pymysql.err.MySQLError as error:
        raise pytest.UsageError(f"The database that was given cannot be used: {error}") from error


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
def programs(pytestconfig: pytest.Config) -> Installation:
    """Find the programs of a database server that a test starts, sets up and stops itself."""
    if GIVEN_SERVER in pytestconfig.stash:
        pytest.skip("starts, sets up or stops a database server of its own")
    return FIND[pytestconfig.getoption("--database")](print)


@pytest.fixture(scope="session")
def database_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Give the address and master user of a database server: one of our own, or the one that was given."""
    if GIVEN_SERVER in pytestconfig.stash:
        address = pytestconfig.stash[GIVEN_SERVER]
        yield address
        with closing(_connect_master(address)) as master, master.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
            cursor.execute("DROP USER IF EXISTS %s@'%%'", (APPLICATION_USER.username,))
        return
    programs = FIND[pytestconfig.getoption("--database")](print)
    server = PrivateServer(tmp_path_factory.mktemp("server"), programs, durable=False)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


@pytest.fixture
def migration_settings(aws: None, database_server: Address) -> Iterator[MigrationSettings]:
    """Describe a database that does not exist yet, as the catalog function learns it; dropped in the end."""
    settings = _migration_settings(database_server, f"{DATABASE}_fresh")
    yield settings
    with closing(_connect_master(database_server)) as master, master.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {settings.database_name}")


@pytest.fixture(scope="session")
def _schema(database_server: Address) -> str:
    """Migrate a database once, and return its name."""
    with _aws_in_process():
        settings = _migration_settings(database_server, DATABASE)
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


@pytest.fixture(scope="session")
def both_servers(
    database_server: Address, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Connection[Any]]]:
    """Connect to a new catalogue on the server of these tests, and to one on a MariaDB, to compare the two."""
    server = PrivateServer(tmp_path_factory.mktemp("mariadb"), mariadb.find_or_fetch(print), durable=False)
    server.start()
    name = f"{DATABASE}_compared"
    try:
        with ExitStack() as stack:
            connections = []
            for address in (database_server, server.address):
                with _aws_in_process():
                    apply(_migration_settings(address, name))
                connection = stack.enter_context(closing(_connect_master(address)))
                connection.select_db(name)
                connections.append(connection)
            yield connections
            for connection in connections:
                connection.cursor().execute(f"DROP DATABASE {name}")
    finally:
        server.stop()


def _connect_master(server: Address) -> Connection[Any]:
    where = DatabaseSettings(
        database_host=server.host, database_port=server.port, database_name="", database_secret_arn=""
    )
    return connect(where, Credentials(server.username, server.password))


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


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiServer]:
    """Run the loopback server, where the SDK finds it, which speaks through httpx as in the function's package.

    The tests' own environment has aiohttp, too, which the SDK would prefer.
    """
    from support.gemini_server import GeminiServer

    monkeypatch.setattr("google.genai._api_client.has_aiohttp", False)
    with GeminiServer() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture(scope="session")
def clouds(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Clouds]:
    """Hold the one cloud that runs."""
    from support.clouds import Clouds  # here: the tests of one service do without all that this needs

    clouds = pytestconfig.stash[Clouds.KEY] = Clouds(tmp_path_factory.mktemp, pytestconfig.getoption("--database"))
    yield clouds
    clouds.stop()


@pytest.fixture
def cloud(clouds: Clouds) -> Cloud:
    """Run the whole application, as `make up` does, on ports and in a folder of its own."""
    return clouds.use("ministack")


@pytest.fixture
def gallery(cloud: Cloud) -> GalleryClient:
    """Speak to the running gallery as a browser does."""
    from support.gallery_client import GalleryClient

    return GalleryClient(cloud.gallery_url)
