"""The MariaDB servers behind database instances: each has its own folder and listens only on a unix socket."""

import logging
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ministack.core import responses

from servers import ServerError
from servers.database import PrivateServer
from servers.mariadb import MariaDb

logger = logging.getLogger("emulator")

MASTER_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, "
    "CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)
"""The privileges that RDS grants: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html"""


class DatabaseServers:
    """The servers of all accounts and regions, each in its own folder."""

    def __init__(self, folder: Path) -> None:
        """Choose the folder of all servers, and find the programs of MariaDB."""
        self._folder = folder
        self._servers: dict[Path, PrivateServer] = {}
        self._programs = MariaDb.find_or_fetch(logger.info)

    def create(self, identifier: str, user: str, password: str, name: str | None) -> str:
        """Start a new, empty server, and return the path of its socket.

        Args:
            identifier: of the instance, in the account and region of the current request.
            user: name of the master user.
            password: of the master user.
            name: a database to create.

        Raises:
            ServerError: the server does not start, or rejects the user or the database.
        """
        folder = self._place(identifier)
        shutil.rmtree(folder, ignore_errors=True)  # of an instance that a killed emulator has lost
        statements = [
            f"CREATE USER {_quoted(user)}@'%' IDENTIFIED BY {_quoted(password)};",
            f"GRANT {MASTER_PRIVILEGES} ON *.* TO {_quoted(user)}@'%' WITH GRANT OPTION;",
            *([f"CREATE DATABASE `{name}`;"] if name else []),
        ]
        try:
            server = self._start(folder)
            self._run("".join(statements), server)
        except ServerError:
            self.delete(identifier)
            raise
        return server.address.host

    def change_password(self, identifier: str, user: str, password: str) -> None:
        """Set the password of the master user."""
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
        """Start the servers of the instances of a saved state; `instances` is the store of MiniStack's RDS."""
        for account, region, identifier in list(instances._data):
            folder = self._folder / account / region / identifier
            if folder.is_dir():
                self._start(folder)

    def stop(self) -> None:
        """Stop every server and keep the data."""
        while self._servers:
            self._servers.popitem()[1].stop()

    def _place(self, identifier: str) -> Path:
        return self._folder.joinpath(responses.get_account_id(), responses.get_region(), identifier)

    def _start(self, folder: Path) -> PrivateServer:
        server = PrivateServer(folder, self._programs, durable=False)
        server.start()
        self._servers[folder] = server
        return server

    def _run(self, statements: str, server: PrivateServer) -> None:
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
            raise ServerError(client.stderr.strip())


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
