"""A real MariaDB server behind each AWS::RDS::DBInstance of MySQL, and the master user's managed secret.

The endpoint's address is the path of the server's unix socket: a database host that begins with `/`, as in the rest of
the application. Nothing listens on a network.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ministack.core import responses
from ministack.services import rds, secretsmanager
from ministack.services.cloudformation import provisioners, stacks

from emulator.resource_types import Attributes, Properties, complete_type
from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.database import PrivateServer
from local_cloud.mariadb import Installation, find_or_fetch

logger = logging.getLogger("emulator")

TYPE = "AWS::RDS::DBInstance"
ENGINES = ("mysql", "mariadb")
MARIADB = REPOSITORY / ".local" / "mariadb"

MASTER_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, "
    "CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)
"""What RDS grants, and no more: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html"""


class Databases:
    """The servers of all accounts and regions, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Choose the folder; nothing is started yet."""
        self._folder = folder
        self._servers: dict[Path, PrivateServer] = {}
        self._programs: Installation | None = None

    def create(self, identifier: str, user: str, password: str, name: str | None) -> str:
        """Start a new, empty server, and return the path of its socket.

        Args:
            identifier: of the instance, in the account and region of the current request.
            user: name of the master user.
            password: of the master user.
            name: a database to create.
        """
        folder = self._place(identifier)
        shutil.rmtree(folder, ignore_errors=True)  # of an instance that a killed emulator has forgotten
        statements = [
            f"CREATE USER {_quoted(user)}@'%' IDENTIFIED BY {_quoted(password)};",
            f"GRANT {MASTER_PRIVILEGES} ON *.* TO {_quoted(user)}@'%' WITH GRANT OPTION;",
            *([f"CREATE DATABASE `{name}`;"] if name else []),
        ]
        try:
            server = self._start(folder)
            self._run("".join(statements), server)
        except LocalCloudError:
            self.delete(identifier)
            raise
        return server.address.host

    def change_password(self, identifier: str, user: str, password: str) -> None:
        """Give the master user another password."""
        self._run(
            f"ALTER USER {_quoted(user)}@'%' IDENTIFIED BY {_quoted(password)};", self._servers[self._place(identifier)]
        )

    def delete(self, identifier: str) -> None:
        """Stop the server and delete its data."""
        folder = self._place(identifier)
        server = self._servers.pop(folder, None)
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)

    def restore(self, instances: Any) -> None:
        """Start the servers of instances that an earlier run kept; `instances` is the store of MiniStack's RDS."""
        for account, region, identifier in list(instances._data):
            folder = self._folder / account / region / identifier
            if folder.is_dir():
                self._start(folder)

    def stop(self) -> None:
        """Stop every server; the data stay."""
        while self._servers:
            self._servers.popitem()[1].stop()

    def _place(self, identifier: str) -> Path:
        return self._folder.joinpath(responses.get_account_id(), responses.get_region(), identifier)

    def _start(self, folder: Path) -> PrivateServer:
        if self._programs is None:
            self._programs = find_or_fetch(MARIADB, logger.info)
        server = PrivateServer(folder, self._programs, durable=False)
        server.start()
        self._servers[folder] = server
        return server

    def _run(self, statements: str, server: PrivateServer) -> None:
        assert self._programs is not None  # noqa: S101 - for the type checker: a server was started
        client = subprocess.run(
            [
                str(self._programs.base / "bin" / "mariadb"),
                "--no-defaults",
                f"--socket={server.address.host}",
                f"--user={server.address.username}",
            ],
            env=self._programs.environ({}),
            input=statements,
            capture_output=True,
            text=True,
            check=False,
        )
        if client.returncode != 0:
            raise LocalCloudError(client.stderr.strip())


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def add_databases(databases: Databases | None) -> None:
    """Manage master passwords, heed DeletionProtection and, given `databases`, run servers."""
    handlers = provisioners._RESOURCE_HANDLERS[TYPE]
    delete = handlers["delete"]

    def complete(identifier: str, properties: Properties) -> Attributes:
        instance = rds._instances[identifier]
        if _is_true(properties.get("ManageMasterUserPassword")):
            _manage_password(instance)
        if databases is not None and instance["Engine"] in ENGINES:
            user, password = instance["MasterUsername"], instance["_MasterUserPassword"]
            if "_server" not in instance:
                instance["_server"] = databases.create(identifier, user, password, properties.get("DBName"))
                instance["Endpoint"]["Address"] = instance["_server"]
            else:
                databases.change_password(identifier, user, password)
        secret = instance.get("MasterUserSecret")
        return {
            **provisioners._rds_db_instance_attrs(instance),
            **({"MasterUserSecret.SecretArn": secret["SecretArn"]} if secret else {}),
        }

    def delete_completely(identifier: str, properties: Properties) -> None:
        instance = rds._instances.get(identifier)
        if instance is not None:
            if instance["DeletionProtection"]:
                raise ValueError(
                    "Cannot delete protected DB Instance, please disable deletion protection and try again."
                )
            if databases is not None:
                databases.delete(identifier)
            if instance.get("MasterUserSecret"):
                secretsmanager.delete_secret_in_process(instance["MasterUserSecret"]["SecretArn"])
        delete(identifier, properties)

    complete_type(TYPE, complete)
    handlers["delete"] = delete_completely
    if databases is not None:
        _keep_off_the_event_loop()
        _restore_servers(databases)


def _manage_password(instance: dict[str, Any]) -> None:
    if instance.get("MasterUserSecret"):
        return
    instance["_MasterUserPassword"] = secrets.token_urlsafe(24)
    arn = secretsmanager.create_secret_in_process(
        f"rds!{instance['DbiResourceId'].lower()}",
        json.dumps({"username": instance["MasterUsername"], "password": instance["_MasterUserPassword"]}),
        description=f"The secret associated with the primary RDS DB instance: {instance['DBInstanceArn']}",
    )
    instance["MasterUserSecret"] = {"SecretArn": arn, "SecretStatus": "active", "KmsKeyId": ""}


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _keep_off_the_event_loop() -> None:
    runs_on_worker_thread = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda name: name == TYPE or runs_on_worker_thread(name)


def _restore_servers(databases: Databases) -> None:
    """Start the servers again with a kept state, in which MiniStack would look for containers instead."""
    load = rds.load_persisted_state

    def load_and_restore(data: dict[str, Any]) -> None:
        load({**data, "instances": {}})
        rds._instances._data.update(data["instances"]._data)
        databases.restore(data["instances"])

    rds.load_persisted_state = load_and_restore
