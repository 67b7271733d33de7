"""The custom resource: what CloudFormation asks, and what it is told."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pymysql
import pytest

from catalog.database import Database
from catalog.handler import handle


class CloudFormation(HTTPServer):
    """Receives the answer of a custom resource, as the pre-signed URL does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answers: list[dict[str, Any]] = []

    def request(self, request_type: str, **more: str) -> dict[str, str]:
        return {
            "RequestType": request_type,
            "ResponseURL": f"http://127.0.0.1:{self.server_port}/answer",
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Schema",
            **more,
        }


class _Answer(BaseHTTPRequestHandler):
    server: CloudFormation

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.append(json.loads(body) | {"content_type": self.headers["Content-Type"]})
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    with CloudFormation() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def application_secret(database: Database, master_environment: None) -> str:
    """A user that does not exist yet; `master_environment` makes the handler the master user."""
    secret = {"username": "newcomer", "password": "correct horse"}
    return boto3.client("secretsmanager").create_secret(Name="newcomer", SecretString=json.dumps(secret))["ARN"]


@pytest.mark.usefixtures("master_environment")
def test_creation_migrates_and_succeeds(
    cloudformation: CloudFormation, application_secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLICATION_SECRET_ARN", application_secret)
    handle(cloudformation.request("Create"), None)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == "schema-Schema"
    assert answer["content_type"] == ""


@pytest.mark.usefixtures("master_environment")
def test_an_update_keeps_the_physical_id(
    cloudformation: CloudFormation, application_secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLICATION_SECRET_ARN", application_secret)
    handle(cloudformation.request("Update", PhysicalResourceId="schema-Schema"), None)
    assert cloudformation.answers[0]["PhysicalResourceId"] == "schema-Schema"


def test_deletion_does_nothing_and_succeeds(cloudformation: CloudFormation) -> None:
    handle(cloudformation.request("Delete", PhysicalResourceId="schema-Schema"), None)
    assert cloudformation.answers[0]["Status"] == "SUCCESS"


def test_a_failure_is_told_with_its_reason(cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_HOST", raising=False)
    handle(cloudformation.request("Create"), None)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "DATABASE_HOST" in answer["Reason"]


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE image", "ALTER TABLE image ADD COLUMN x INT", "CREATE TABLE x (id INT)", "SELECT * FROM mysql.user"],
)
def test_the_application_user_may_only_read_and_write_rows(database: Database, statement: str) -> None:
    with database.connection() as connection, connection.cursor() as cursor:
        with pytest.raises(pymysql.err.MySQLError, match="denied"):
            cursor.execute(statement)
        cursor.execute("SELECT COUNT(*) FROM image")
