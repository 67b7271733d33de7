"""The database server: a private MariaDB or MySQL on a unix socket, or any other that the environment names.

The private one's guard is the mode of its folder: it listens on no network, and `root` has no password on the socket.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_cloud import LocalCloudError
from local_cloud.installation import Installation
from local_cloud.processes import Child

START_SECONDS = 60.0
MAX_SOCKET_PATH_BYTES = 103  # sun_path has 104 bytes on macOS and 108 on Linux, with the final zero


@dataclass(frozen=True)
class Address:
    """Where a server is and who its master user is. A host that begins with `/` is a unix socket."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it, and no container."""
        return self.host.startswith(("/", "127.")) or self.host in ("localhost", "::1")


def external(environ: Mapping[str, str]) -> Address | None:
    """Return the server that DATABASE_HOST, _PORT, _USER and _PASSWORD name, or None when there is no DATABASE_HOST.

    Raises:
        LocalCloudError: DATABASE_USER is missing, or the port is not a number.
    """
    host = environ.get("DATABASE_HOST", "")
    if not host:
        return None
    username = environ.get("DATABASE_USER", "")
    port = environ.get("DATABASE_PORT") or "3306"
    if not username:
        raise LocalCloudError(
            "DATABASE_HOST is set: DATABASE_USER must name a user who may create databases and users."
        )
    if not port.isdecimal():
        raise LocalCloudError(f"DATABASE_PORT must be a number, not {port!r}.")
    return Address(host, int(port), username, environ.get("DATABASE_PASSWORD", ""))


class PrivateServer:
    """A MariaDB or MySQL server whose files live in `database` in the data folder."""

    def __init__(self, data: Path, installation: Installation, *, durable: bool = True) -> None:
        """Choose the paths; nothing is created yet. Without `durable` a power cut may lose commits: for tests."""
        self._folder = data.absolute() / "database"
        self._installation = installation
        self._durable = durable
        self.child = Child("database", data.absolute())
        self._socket = socket_path(self._folder)

    @property
    def product(self) -> str:
        """MariaDB or MySQL."""
        return self._installation.product

    @property
    def address(self) -> Address:
        """Where to connect, as the master user."""
        return Address(str(self._socket), 3306, "root", "")

    def start(self) -> None:
        """Create the data folder when there is none, start the server and wait until it answers.

        A server that a killed predecessor left is stopped first.

        Raises:
            LocalCloudError: it does not start; the message has the end of its log. Or the data are of another product.
        """
        self.child.clear()
        make_private(self._folder)
        make_private(self._socket.parent)
        tables = self._folder / "data"
        if not tables.is_dir():
            self._create(tables)
        elif not self._installation.is_of_this_product(tables):
            raise LocalCloudError(f"{tables} is not of {self.product}; choose another data folder.")
        self._socket.unlink(missing_ok=True)
        self.child.start(self._command(tables), self._environ(), self._folder)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.child.exit_code() is not None or time.monotonic() > deadline:
                self.child.stop()
                raise LocalCloudError(f"The database server does not start:\n{self.child.last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server, letting it finish its writes."""
        self.child.stop()
        if self._socket.parent != self._folder:
            shutil.rmtree(self._socket.parent, ignore_errors=True)

    def answers(self) -> bool:
        """Tell whether the server greets those who connect.

        The first packet of the protocol is the greeting: 3 bytes length, 1 byte number, then the protocol's version.
        https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake.html
        """
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self._socket))
                return connection.recv(5)[4:] == b"\x0a"
        except OSError:
            return False

    def _create(self, tables: Path) -> None:
        unfinished = tables.with_name("data.new")  # renamed when it is complete: a killed start leaves no half of one
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        with tempfile.TemporaryDirectory() as links:  # the script does not quote its paths: give it ones without spaces
            base, target = Path(links) / "base", Path(links) / "data"
            base.symlink_to(self._installation.base)
            target.symlink_to(unfinished)
            setup = subprocess.run(
                [*self._installation.setup(base, target), *self._as_root()],
                env={**self._environ(), "TMPDIR": links},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        if setup.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            self.child.log.parent.mkdir(parents=True, exist_ok=True)
            self.child.log.write_text(setup.stdout + setup.stderr, encoding="utf-8")
            raise LocalCloudError(f"The tables of a new database cannot be made:\n{self.child.last_words()}")
        unfinished.replace(tables)

    def _command(self, tables: Path) -> list[str]:
        messages = self._installation.messages
        return [
            *self._installation.command,
            "--no-defaults",
            f"--basedir={self._installation.base}",
            f"--datadir={tables}",
            f"--tmpdir={self._folder}",
            f"--socket={self._socket}",
            "--skip-networking",
            f"--lc-messages-dir={messages}",
            f"--character-sets-dir={messages / 'charsets'}",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_unicode_ci",
            "--default-time-zone=+00:00",
            "--max-allowed-packet=64M",
            "--innodb-buffer-pool-size=64M",
            "--performance-schema=OFF",
            *self._installation.options,
            *(() if self._durable else ("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF")),
            *self._as_root(),
        ]

    def _environ(self) -> dict[str, str]:
        return self._installation.environ({"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"})

    def _as_root(self) -> tuple[str, ...]:
        return ("--user=root",) if os.geteuid() == 0 else ()  # the server refuses to run as root unless it is told to


def socket_path(folder: Path) -> Path:
    """Return the path of the unix socket: in the folder, or in one with a short name when that path is too long."""
    path = folder / "socket"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        return path
    # The same name every time: the stacks know the database by this path.
    name = f"gallery-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    path = Path(tempfile.gettempdir()) / name / "socket"
    return path if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES else Path("/tmp") / name / "socket"  # noqa: S108


def make_private(folder: Path) -> None:
    """Create a folder that only its owner can enter.

    Raises:
        LocalCloudError: something else has this name, such as a folder of another user.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise LocalCloudError(f"{folder} is not a folder of this user; remove it or choose another data folder.")
    folder.chmod(0o700)
