"""Fixtures for all tests: a real database server, AWS mocked in this process, and no network but the loopback."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from botocore.loaders import create_loader
from hypothesis import settings
from moto import mock_aws
from pymysql.connections import Connection

from catalog.database import Database, DatabaseSettings
from catalog_functions.custom_resource import MigrationSettings, apply
from servers import ServerError
from servers.database import Address, PrivateServer, external
from servers.installation import Installation
from servers.mariadb import MariaDb
from servers.mysql import MySql
from support import migration
from support.catalog_rows import empty
from support.database_server import connect_master, fetch, run_as_master, started
from support.migration import APPLICATION_USER, store_secret

if TYPE_CHECKING:
    from support.clouds import Cloud, Clouds
    from support.gallery_client import GalleryClient
    from support.gemini_server import GeminiServer

DATABASE = "gallery_tests"
"""An unusual name, because a given server may hold other databases."""
GIVEN_SERVER = pytest.StashKey[Address]()
FIND = {"mariadb": MariaDb.find_or_fetch, "mysql": MySql.find_or_fetch}


settings.register_profile("unhurried", settings(), deadline=None)  # a busy machine must not fail a test
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options that choose the database server."""
    parser.addoption("--database", choices=FIND, default="mariadb", help="the database server to start")
    parser.addoption(
        "--given-database",
        action="store_true",
        help="use the server at DATABASE_HOST, _PORT, _USER and _PASSWORD; skip tests that need a server of their own",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find the given server, or exit if the chosen one is not available on this machine."""
    if config.getoption("--database") == "mysql":
        try:
            MySql.find_or_fetch(print)
        except ServerError as error:
            pytest.exit(f"Nothing is tested on MySQL. {error}", returncode=1 if os.environ.get("CI") else 0)
    if config.getoption("--given-database"):
        try:
            address = external(os.environ)
        except ServerError as error:
            raise pytest.UsageError(str(error)) from error
        if address is None:
            raise pytest.UsageError("--given-database needs DATABASE_HOST, DATABASE_USER and DATABASE_PASSWORD.")
        config.stash[GIVEN_SERVER] = address


@pytest.hookimpl(optionalhook=True)  # tests/service.py runs without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Distribute tests among workers by the servers that they use."""
    from support.workers import Scheduler

    return Scheduler(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore the comparison of MariaDB with another server if MariaDB is the only one."""
    has_other = GIVEN_SERVER in config.stash or config.getoption("--database") != "mariadb"
    return None if has_other or collection_path.name != "test_both_servers.py" else True


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking at all modules and tests again and again: a tenth of the time."""
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> str:
    """Name the database that the tests use."""
    if GIVEN_SERVER not in config.stash:
        return f"database: {config.getoption('--database')}, started by the tests"
    address = config.stash[GIVEN_SERVER]
    try:
        with closing(connect_master(address)) as connection:
            version = " ".join(fetch(connection, "SELECT VERSION(), @@version_comment"))
            return f"database: {version} at {address.host}:{address.port}"
    except pymysql.err.MySQLError as error:
        raise pytest.UsageError(f"cannot use the given database: {error}") from error


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Fail a test that connects to another machine."""
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
    """Share the loader of service models: finding and reading those takes most time of tests that make new clients."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", cache(create_loader))
        yield


@pytest.fixture
def aws() -> Iterator[None]:
    """Mock AWS in this process: an empty account in us-east-1."""
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
    """Return the programs of a database server, for a test that starts its own."""
    if GIVEN_SERVER in pytestconfig.stash:
        pytest.skip("needs a database server of its own")
    return FIND[pytestconfig.getoption("--database")](print)


@pytest.fixture(scope="session")
def database_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Return the address and master user of a database server: the given one, or one started here."""
    if GIVEN_SERVER not in pytestconfig.stash:
        programs = FIND[pytestconfig.getoption("--database")](print)
        with started(PrivateServer(tmp_path_factory.mktemp("server"), programs, durable=False)) as server:
            yield server.address
        return
    address = pytestconfig.stash[GIVEN_SERVER]
    yield address
    run_as_master(
        address, f"DROP DATABASE IF EXISTS {DATABASE}", f"DROP USER IF EXISTS {APPLICATION_USER.username}@'%'"
    )


@pytest.fixture
def migration_settings(aws: None, database_server: Address) -> Iterator[MigrationSettings]:
    """Return the catalog function's settings for a database that does not exist yet; drop it afterwards."""
    settings = migration.settings(database_server, f"{DATABASE}_fresh")
    yield settings
    run_as_master(database_server, f"DROP DATABASE IF EXISTS {settings.database_name}")


@pytest.fixture(scope="session")
def _schema(database_server: Address) -> str:
    """Migrate a database once, and return its name."""
    with _aws_in_process():
        settings = migration.settings(database_server, DATABASE)
        apply(settings)
        return settings.database_name


@pytest.fixture
def database(aws: None, database_server: Address, _schema: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Connect to an empty catalog as the application user; environment variables name it, as in a service."""
    monkeypatch.setenv("DATABASE_HOST", database_server.host)
    monkeypatch.setenv("DATABASE_PORT", str(database_server.port))
    monkeypatch.setenv("DATABASE_NAME", _schema)
    monkeypatch.setenv("DATABASE_SECRET_ARN", store_secret("application", APPLICATION_USER))
    database = Database(DatabaseSettings.from_environ(os.environ), max_connections=4)
    with database.connection() as connection:
        empty(connection)
    yield database
    database.close()


@pytest.fixture(scope="session")
def both_servers(
    database_server: Address, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Connection[Any]]]:
    """Connect to a new catalog on the tests' server and to one on MariaDB, to compare the two."""
    name = f"{DATABASE}_compared"
    with ExitStack() as stack:
        mariadb = PrivateServer(tmp_path_factory.mktemp("mariadb"), MariaDb.find_or_fetch(print), durable=False)
        other = stack.enter_context(started(mariadb)).address
        connections = []
        for address in (database_server, other):
            with _aws_in_process():
                apply(migration.settings(address, name))
            connections.append(stack.enter_context(closing(connect_master(address, name))))
        yield connections
        for connection in connections:
            connection.cursor().execute(f"DROP DATABASE {name}")


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiServer]:
    """Run the loopback Gemini server, where the SDK finds it."""
    from support.gemini_server import GeminiServer

    with GeminiServer() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture(scope="session")
def clouds(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Clouds]:
    """Hold the one running cloud."""
    from support.clouds import Clouds  # here: tests/service.py runs without its dependencies

    clouds = pytestconfig.stash[Clouds.KEY] = Clouds(tmp_path_factory.mktemp, pytestconfig.getoption("--database"))
    yield clouds
    clouds.stop()


@pytest.fixture
def cloud(clouds: Clouds) -> Cloud:
    """Run the whole application as `make up` does, on free ports and in a folder of its own."""
    return clouds.use("ministack")


@pytest.fixture
def gallery(cloud: Cloud) -> GalleryClient:
    """Return a client for the running gallery."""
    from support.gallery_client import GalleryClient

    return GalleryClient(cloud.gallery_url)
