"""The custom resource: requests from CloudFormation, and the responses it receives."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields, replace
from typing import Any

import boto3
import pymysql
import pytest

from catalog.database import Database, DatabaseUnavailableError, connect, read_credentials
from catalog.schema import missing_migrations, own_migrations
from catalog.settings import ConfigurationError
from catalog_functions.custom_resource import MigrationSettings, apply, handle
from catalog_functions.migrate import migrate
from support.http_server import Request, serving

Send = Callable[..., dict[str, Any]]


@pytest.fixture
def send() -> Iterator[Send]:
    """Return a function that sends a request of CloudFormation and returns the response, with its content type."""
    responses: list[dict[str, Any]] = []

    def receive(request: Request) -> tuple[int, bytes]:
        responses.append(json.loads(request.body) | {"content_type": request.headers["Content-Type"]})
        return 200, b""

    with serving(receive) as url:

        def send_request(request_type: str, **more: str) -> dict[str, Any]:
            request = {"RequestType": request_type, "ResponseURL": f"{url}/answer", "StackId": "stack"}
            handle(request | {"RequestId": "request", "LogicalResourceId": "Schema"} | more, None)
            return responses.pop()

        yield send_request
        assert not responses, "a request was answered twice"


@pytest.fixture
def environment(migration_settings: MigrationSettings, monkeypatch: pytest.MonkeyPatch) -> MigrationSettings:
    """Set the function's environment variables for a database that does not exist yet."""
    for field in fields(migration_settings):
        monkeypatch.setenv(field.name.upper(), str(getattr(migration_settings, field.name)))
    return migration_settings


def test_create_migrates_and_grants_access_to_the_application(send: Send, environment: MigrationSettings) -> None:
    answer = send("Create")
    assert (answer["Status"], answer["PhysicalResourceId"], answer["content_type"]) == ("SUCCESS", "schema-Schema", "")
    application = replace(environment, database_secret_arn=environment.application_secret_arn)
    with Database(application).connection() as connection:
        assert not missing_migrations(connection)


def test_update_migrates_again_and_keeps_the_physical_id(send: Send, environment: MigrationSettings) -> None:
    assert send("Create")["Status"] == "SUCCESS"
    answer = send("Update", PhysicalResourceId="schema-Schema")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "schema-Schema")


def test_delete_does_nothing_and_succeeds(send: Send) -> None:
    assert send("Delete", PhysicalResourceId="schema-Schema")["Status"] == "SUCCESS"


def test_a_failure_is_reported_with_its_reason(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_HOST", raising=False)
    answer = send("Create")
    assert answer["Status"] == "FAILED"
    assert "DATABASE_HOST" in answer["Reason"]


def test_any_other_event_applies_a_changed_application_password(environment: MigrationSettings) -> None:
    secret = environment.application_secret_arn
    rotating = {"username": "rotating", "password": "the first"}
    boto3.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps(rotating))
    handle({}, None)
    rotating["password"] = "another"
    boto3.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps(rotating))
    application = replace(environment, database_secret_arn=secret)
    with pytest.raises(DatabaseUnavailableError), Database(application).connection():
        pass
    handle({}, None)
    with Database(application).connection() as connection:
        assert not missing_migrations(connection)
    with closing(connect(environment, read_credentials(environment.database_secret_arn))) as master:
        master.cursor().execute("DROP USER rotating@'%'")


def test_any_other_event_raises_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_HOST", raising=False)
    with pytest.raises(ConfigurationError, match="DATABASE_HOST"):
        handle({}, None)


def test_a_statement_that_times_out_is_killed_and_the_next_run_repeats_it(environment: MigrationSettings) -> None:
    master = read_credentials(environment.database_secret_arn)
    with closing(connect(environment, master)) as other, other.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {environment.database_name}")
        other.select_db(environment.database_name)
        migrate(other, own_migrations()[:1])
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM image")  # locks the table against ALTER until the transaction ends
        with pytest.raises(pymysql.err.OperationalError, match=r"timed out|max_statement_time exceeded"):
            apply(environment, statement_seconds=1)
        cursor.execute("COMMIT")
        assert apply(environment) == [migration.name for migration in own_migrations()[1:]]
        assert not missing_migrations(other)


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE image", "ALTER TABLE image ADD COLUMN x INT", "CREATE TABLE x (id INT)", "SELECT * FROM mysql.user"],
)
def test_the_application_user_can_only_read_and_write_rows(database: Database, statement: str) -> None:
    with database.connection() as connection, connection.cursor() as cursor:
        with pytest.raises(pymysql.err.MySQLError, match="denied"):
            cursor.execute(statement)
        cursor.execute("SELECT COUNT(*) FROM image")
