"""Lambda function behind a CloudFormation custom resource: migrates the schema and maintains the application's user.

Create and Update migrate. Delete does nothing, because the data outlives the stack.
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
from catalog_functions.migrate import TABLE_LOCK_SECONDS, migrate

logger = logging.getLogger(__name__)
logging.getLogger().setLevel(logging.INFO)

RESPONSE_SECONDS = 10
MAX_REASON_CHARACTERS = 1000  # CloudFormation accepts responses of up to 4 KiB
STATEMENT_SECONDS = 300
"""Time limit of a statement.

Two such statements fit into the function's 900 seconds, together with the waits for another migration and for locks.
"""

COLLATION = "/*M!101001 COLLATE utf8mb4_uca1400_nopad_ai_ci */"
"""Makes searches in MariaDB find the same words as in MySQL, whose default is utf8mb4_0900_ai_ci.

Both use the Unicode Collation Algorithm and ignore case and accents. For MySQL, and MariaDB before 10.10.1, this is a
comment: https://mariadb.com/kb/en/comment-syntax/
"""


@dataclass(frozen=True, kw_only=True)
class MigrationSettings(DatabaseSettings):
    """`database_secret_arn` is the master user's secret; `application_secret_arn` is the application user's."""

    application_secret_arn: str


def handle(event: dict[str, Any], context: object) -> None:
    """Handle a request from CloudFormation and report the result to it.

    Any other event also migrates, and raises its errors: operators invoke the function to apply a changed password.
    """
    if "ResponseURL" not in event:
        apply(MigrationSettings.from_environ(os.environ))
        return
    try:
        if event["RequestType"] != "Delete":
            apply(MigrationSettings.from_environ(os.environ))
        outcome = {"Status": "SUCCESS"}
    except Exception as error:  # without a response, CloudFormation waits for an hour
        logger.exception("the migration failed")
        outcome = {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:MAX_REASON_CHARACTERS]}
    _respond(event, outcome)


def apply(settings: MigrationSettings, statement_seconds: float = STATEMENT_SECONDS) -> list[str]:
    """Create the database if it is missing, migrate it, and grant the application's user its rights.

    Returns:
        The names of the applied migrations.
    """
    master = read_credentials(settings.database_secret_arn)
    connection = connect(settings, master, statement_seconds=statement_seconds, lock_seconds=TABLE_LOCK_SECONDS)
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
    """Kill the statement of a lost connection: otherwise the server finishes it, and the next run repeats it."""
    with (
        suppress(pymysql.err.MySQLError),  # the thread has ended, or the server has
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
