"""Failures that the catalog survives: restarts, a full or read-only server, locks, and waiting migrations."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.constants import COMMAND

from catalog import database as database_module
from catalog.database import (
    LOCK_SECONDS,
    MOST_PAUSE_SECONDS,
    PATIENCE_SECONDS,
    Database,
    DatabaseSettings,
    DatabaseUnavailableError,
    SlowStatementError,
    StatementTimeoutError,
    connect,
)
from catalog.schema import Migration
from catalog_functions.migrate import migrate
from servers.database import PrivateServer
from servers.installation import Installation
from support.database_server import ENDLESS, connect_master, fetch, run_as_master, started
from support.migration import APPLICATION_USER, store_secret

# PyMySQL does not close a unix socket after a failed connect.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@dataclass(frozen=True)
class Server:
    """A database server that can be stopped, and the application's settings for it."""

    process: PrivateServer
    settings: DatabaseSettings

    def command(self, *statements: str) -> None:
        run_as_master(self.process.address, *statements)


def settings_of(host: str) -> DatabaseSettings:
    secret = store_secret("application", APPLICATION_USER)
    return DatabaseSettings(database_host=host, database_name="gallery", database_secret_arn=secret)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory, programs: Installation) -> Iterator[PrivateServer]:
    with started(PrivateServer(tmp_path_factory.mktemp("resilience"), programs, durable=False)) as process:
        yield process


@pytest.fixture
def server(aws: None, process: PrivateServer) -> Server:
    server = Server(process, settings_of(process.address.host))
    server.command(
        "DROP DATABASE IF EXISTS gallery",
        "CREATE DATABASE gallery",
        "CREATE TABLE gallery.counter (number INT NOT NULL)",
        "INSERT INTO gallery.counter VALUES (0)",
        f"CREATE USER IF NOT EXISTS {APPLICATION_USER.username}@'%' IDENTIFIED BY '{APPLICATION_USER.password}'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON gallery.* TO {APPLICATION_USER.username}@'%'",
    )
    return server


class Pauses:
    """A fake sleep and its clock; the first pause ends the fault."""

    def __init__(self, repair: Callable[[], object] = lambda: None) -> None:
        self.pauses: list[float] = []
        self._repair = repair

    def sleep(self, seconds: float) -> None:
        if not self.pauses:
            self._repair()
        self.pauses.append(seconds)

    def clock(self) -> float:
        return sum(self.pauses)

    def database(self, settings: DatabaseSettings) -> Database:
        return Database(settings, sleep=self.sleep, clock=self.clock)

    def run(self, server: Server, work: Callable[[Any], int]) -> int:
        """Run work on a new pool."""
        with closing(self.database(server.settings)) as database:
            return database.run(work)


def count(connection: Any) -> int:
    """Do some idempotent work."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE counter SET number = 1")
        cursor.execute("SELECT number FROM counter")
        (number,) = cursor.fetchone()
    return int(number)


def test_a_restart_between_two_statements_causes_no_error(server: Server) -> None:
    pauses = Pauses()
    with closing(pauses.database(server.settings)) as database:
        assert database.run(count) == 1
        server.process.stop()
        server.process.start()
        assert database.run(count) == 1
    assert pauses.pauses == []


def test_a_connection_lost_between_two_statements_is_replaced(server: Server) -> None:
    with closing(Database(server.settings)) as database, database.connection() as connection:
        (number,) = fetch(connection, "SELECT CONNECTION_ID()")
        server.command(f"KILL {number}")
        assert count(connection) == 1


def test_the_server_stops_a_slow_statement_and_the_connection_stays(server: Server) -> None:
    def number(connection: Any) -> Any:
        return fetch(connection, "SELECT CONNECTION_ID()")

    with closing(Database(server.settings, statement_seconds=0.5)) as database:
        first = database.run(number)
        with pytest.raises(SlowStatementError), database.connection() as connection:
            fetch(connection, ENDLESS)
        assert database.run(number) == first


def test_the_server_stops_a_slow_statement_whose_client_has_left(server: Server) -> None:
    user = APPLICATION_USER
    with closing(connect(server.settings, user, statement_seconds=3)) as client:
        raw: Any = client
        raw._execute_command(COMMAND.COM_QUERY, ENDLESS)
        raw._force_close()
    with closing(connect(server.settings, user)) as other:
        running = """SELECT COUNT(*) FROM information_schema.processlist
                     WHERE info LIKE 'SELECT%' AND id <> CONNECTION_ID()"""
        assert fetch(other, running) == (1,)
        while fetch(other, running) == (1,):
            time.sleep(0.1)


def test_a_statement_without_an_answer_is_not_repeated_immediately(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "ANSWER_SECONDS", -1.0)
    with closing(Database(server.settings, statement_seconds=2)) as database:
        with (
            pytest.raises(StatementTimeoutError),
            database.connection() as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("INSERT INTO counter SELECT SLEEP(1.2)")
        with database.connection() as connection:
            rows = 1
            while rows == 1:  # the server is still running the statement
                (rows,) = fetch(connection, "SELECT COUNT(*) FROM counter")
    assert rows == 2


def test_work_succeeds_after_the_server_restarts(server: Server) -> None:
    server.process.stop()
    pauses = Pauses(server.process.start)
    assert pauses.run(server, count) == 1
    assert len(pauses.pauses) == 1


def test_work_succeeds_after_a_restart_during_the_work(server: Server) -> None:
    pauses = Pauses(server.process.start)
    attempts = []

    def work(connection: Any) -> int:
        attempts.append(connection)
        if len(attempts) == 1:
            server.process.stop()
        return count(connection)

    assert pauses.run(server, work) == 1
    assert len(attempts) == 2


def test_work_succeeds_after_a_full_server_has_free_connections(server: Server) -> None:
    server.command("SET GLOBAL max_connections = 10")
    with ExitStack() as others:
        for _ in range(10):
            others.enter_context(closing(connect(server.settings, APPLICATION_USER)))
        pauses = Pauses(others.close)
        assert pauses.run(server, count) == 1
    server.command("SET GLOBAL max_connections = 151")
    assert len(pauses.pauses) >= 1  # the server takes a moment to notice closed connections


def test_work_succeeds_over_a_new_connection_after_a_read_only_server_is_writable(server: Server) -> None:
    pauses = Pauses(lambda: server.command("SET GLOBAL read_only = 0"))
    numbers = []

    def work(connection: Any) -> int:
        numbers.append(fetch(connection, "SELECT CONNECTION_ID()"))
        return count(connection)

    with closing(pauses.database(server.settings)) as database:
        database.run(work)
        server.command("SET GLOBAL read_only = 1")
        assert database.run(work) == 1
    assert len(pauses.pauses) == 1
    assert numbers[0] == numbers[1] != numbers[2]


def test_work_succeeds_after_a_lock_is_released(server: Server) -> None:
    with closing(connect_master(server.process.address)) as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE gallery.counter SET number = 2")
        pauses = Pauses(other.rollback)

        def work(connection: Any) -> int:
            with connection.cursor() as ours:
                ours.execute("SET SESSION innodb_lock_wait_timeout = 1")
            return count(connection)

        assert pauses.run(server, work) == 1
    assert len(pauses.pauses) == 1


@pytest.mark.parametrize("number", [1205, 1213, 1836])
def test_a_temporary_error_of_a_statement_is_retried(server: Server, number: int) -> None:
    pauses = Pauses()
    attempts = []

    def work(connection: Any) -> int:
        attempts.append(number)
        if len(attempts) == 1:
            with connection.cursor() as cursor:
                cursor.execute(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}")
        return count(connection)

    assert pauses.run(server, work) == 1
    assert len(attempts) == 2


def test_a_syntax_error_is_raised_immediately(server: Server) -> None:
    pauses = Pauses()

    def work(connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELEKT 1")

    with closing(pauses.database(server.settings)) as database, pytest.raises(pymysql.err.ProgrammingError):
        database.run(work)
    assert pauses.pauses == []


def test_run_gives_up_on_an_unreachable_server_in_time(aws: None, tmp_path: Path) -> None:
    pauses = Pauses()
    database = pauses.database(settings_of(str(tmp_path / "away")))
    with pytest.raises(DatabaseUnavailableError):
        database.run(count)
    assert len(pauses.pauses) > 1
    assert sum(pauses.pauses) < PATIENCE_SECONDS
    assert max(pauses.pauses) <= MOST_PAUSE_SECONDS


def test_unreadable_credentials_are_a_retryable_error(aws: None) -> None:
    settings = DatabaseSettings(database_host="/nowhere", database_name="gallery", database_secret_arn="unknown")
    with pytest.raises(DatabaseUnavailableError, match="ResourceNotFoundException"), Database(settings).connection():
        pass


def test_a_failed_transaction_is_rolled_back(server: Server) -> None:
    with closing(Database(server.settings)) as database:
        with suppress(ZeroDivisionError), database.transaction() as connection:
            count(connection)
            _ = 1 / 0
        with database.connection() as connection:
            assert fetch(connection, "SELECT number FROM counter") == (0,)


MIGRATION = Migration("0001_comment", "ALTER TABLE counter COMMENT = 'changed'")


def test_a_migration_that_waits_for_a_table_does_not_block_readers(server: Server) -> None:
    waiting = threading.Event()
    with ExitStack() as stack:
        user, reader, master = (
            stack.enter_context(closing(connect_master(server.process.address, "gallery", lock_seconds)))
            for lock_seconds in (LOCK_SECONDS, LOCK_SECONDS, 1)
        )
        with user.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM counter")  # locks the table against ALTER until the transaction ends

        def pause(_seconds: float) -> None:
            waiting.set()
            user.rollback()

        migrating = threading.Thread(target=migrate, args=(master, [MIGRATION], pause))
        migrating.start()
        with reader.cursor() as cursor:
            while not waiting.is_set():
                cursor.execute("SELECT * FROM counter")  # fails if it waits too long
        migrating.join()
        query = "SELECT table_comment FROM information_schema.tables WHERE table_name = 'counter'"
        assert fetch(reader, query) == ("changed",)


def test_a_migration_of_a_locked_table_fails_after_some_attempts(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog_functions.migrate.TABLE_LOCK_ATTEMPTS", 2)  # each waits one second
    pauses = Pauses()
    address = server.process.address
    with (
        closing(connect_master(address, "gallery")) as user,
        closing(connect_master(address, "gallery", lock_seconds=1)) as master,
        user.cursor() as cursor,
    ):
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM counter")
        with pytest.raises(pymysql.err.OperationalError, match="Lock wait timeout"):
            migrate(master, [MIGRATION], pauses.sleep)
    assert len(pauses.pauses) == 1
