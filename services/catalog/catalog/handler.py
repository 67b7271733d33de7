"""Lambda function behind a CloudFormation custom resource: migrates the schema, and keeps the application's user.

Create and Update migrate; Delete does nothing, because the data outlives the stack.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref.html
"""

import json
import logging
import os
import urllib.request
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import pymysql

from catalog.database import Credentials, DatabaseSettings, connect, read_credentials
from catalog.migrate import TABLE_LOCK_SECONDS, migrate

logger = logging.getLogger(__name__)
logging.getLogger().setLevel(logging.INFO)

RESPONSE_SECONDS = 10
MAX_REASON_CHARACTERS = 1000  # a response may have 4 KiB
STATEMENT_SECONDS = 300
"""How long a statement may take.

With the waits for another migration and for tables that are in use, two of them fit the function's 900 seconds.
"""

COLLATION = "/*M!101001 COLLATE utf8mb4_uca1400_nopad_ai_ci */"
"""Lets MariaDB find the same words as MySQL, whose default is utf8mb4_0900_ai_ci.

Both compare by the Unicode Collation Algorithm, without regard to case and accents. MySQL, and MariaDB before 10.10.1,
take this for a comment: https://mariadb.com/kb/en/comment-syntax/
"""


@dataclass(frozen=True, kw_only=True)
class MigrationSettings(DatabaseSettings):
    """`database_secret_arn` is the master user's; this is the application user's."""

    application_secret_arn: str


def handle(event: dict[str, Any], context: object) -> None:
    """Serve one request of CloudFormation and tell it how that went.

    Anybody else's event migrates, too, and fails when that does: so a person has a changed password set.
    """
    if "ResponseURL" not in event:
        apply(MigrationSettings.from_environ(os.environ))
        return
    try:
        if event["RequestType"] != "Delete":
            apply(MigrationSettings.from_environ(os.environ))
        outcome = {"Status": "SUCCESS"}
    except Exception as error:  # CloudFormation waits for an hour unless it is told of every failure
        logger.exception("the migration failed")
        outcome = {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:MAX_REASON_CHARACTERS]}
    _respond(event, outcome)


def apply(settings: MigrationSettings, statement_seconds: float = STATEMENT_SECONDS) -> list[str]:
    """Create the database when there is none, migrate it, and give the application's user its rights.

    Returns:
        The names of the migrations that were applied.
    """
    master = read_credentials(settings.database_secret_arn)
    connection = connect(settings, master, read_timeout_seconds=statement_seconds, lock_seconds=TABLE_LOCK_SECONDS)
    try:
        with connection.cursor() as cursor:
            name = settings.database_name.replace("`", "``")
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 {COLLATION}")
            connection.select_db(settings.database_name)
            applied = migrate(connection)
            _grant(connection, name, read_credentials(settings.application_secret_arn))
        return applied
    except pymysql.err.OperationalError:
        if not connection.open:
            _stop(settings, master, connection.thread_id())  # type: ignore[no-untyped-call]
        raise
    finally:
        connection.close()


def _stop(settings: MigrationSettings, master: Credentials, thread: int) -> None:
    """End what a connection that broke off began: the server would finish it, and the next run would do it twice."""
    with (
        suppress(pymysql.err.MySQLError),  # the thread is gone, or the server is
        closing(connect(settings, master)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("KILL %s", (thread,))


def _grant(connection: Any, quoted_database: str, user: Credentials) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (user.username, user.password))
        cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", (user.username, user.password))
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{quoted_database}`.* TO %s@'%%'", (user.username,))


def _respond(event: dict[str, Any], outcome: dict[str, str]) -> None:
    body = {
        "PhysicalResourceId": event.get("PhysicalResourceId", f"schema-{event['LogicalResourceId']}"),
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        **outcome,
    }
    # The signature of the pre-signed URL covers an empty content type.
    request = urllib.request.Request(  # noqa: S310 - the URL comes from CloudFormation
        event["ResponseURL"], json.dumps(body).encode(), {"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=RESPONSE_SECONDS):  # noqa: S310
        pass
