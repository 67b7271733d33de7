"""The database server: a private MariaDB or MySQL on a unix socket, or another one that the environment names.

The mode of its folder protects the private one: it listens on no network, and `root` has no password on the socket.
"""

import hashlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from servers import ServerError
from servers.installation import Installation
from servers.processes import Child

MAX_SOCKET_PATH_BYTES = 103  # sun_path has 104 bytes on macOS and 108 on Linux, including the final zero


@dataclass(frozen=True)
class Address:
    """Address and master user of a server. A host that begins with `/` is the path of a unix socket."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it, and no container."""
        return self.host.startswith(("/", "127.")) or self.host in ("localhost", "::1")


def external(environ: Mapping[str, str]) -> Address | None:
    """Return the server of DATABASE_HOST, _PORT, _USER and _PASSWORD, or None if DATABASE_HOST is not set.

    Raises:
        ServerError: DATABASE_USER is missing, or the port is not a number.
    """
    host = environ.get("DATABASE_HOST", "")
    if not host:
        return None
    username = environ.get("DATABASE_USER", "")
    port = environ.get("DATABASE_PORT") or "3306"
    if not username:
        raise ServerError("DATABASE_HOST is set, so DATABASE_USER must name a user who may create databases and users.")
    if not port.isdecimal():
        raise ServerError(f"DATABASE_PORT must be a number, not {port!r}.")
    return Address(host, int(port), username, environ.get("DATABASE_PASSWORD", ""))


class PrivateServer:
    """A MariaDB or MySQL server with its files in the folder `database` of the data folder."""

    def __init__(self, data: Path, installation: Installation, *, durable: bool = True) -> None:
        """Choose the paths; `start` creates them. Without `durable`, a power cut may lose commits: for tests."""
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
        """The address and the master user."""
        return Address(str(self._socket), 3306, "root", "")

    def start(self) -> None:
        """Create the data folder if necessary, start the server and wait until it answers.

        An orphaned server of a killed process is stopped first.

        Raises:
            ServerError: it does not start; the message has the log tail. Or another product created the data.
        """
        self.child.clear()
        make_private(self._folder)
        make_private(self._socket.parent)
        tables = self._folder / "data"
        if not tables.is_dir():
            self._create(tables)
        elif not self._installation.created(tables):
            raise ServerError(f"{tables} was not created by {self.product}; choose another data folder.")
        self._socket.unlink(missing_ok=True)
        self.child.start(self._command(tables), self._environ(), self._folder, self.problem)

    def stop(self) -> None:
        """Stop the server after its last writes."""
        self.child.stop()
        if self._socket.parent != self._folder:
            shutil.rmtree(self._socket.parent, ignore_errors=True)

    def problem(self) -> str:
        """Return why the server does not accept connections, or "" if it does.

        It greets every client with a packet: 3 bytes length, 1 byte number, then the version of the protocol.
        https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake.html
        """
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self._socket))
                return "" if connection.recv(5)[4:] == b"\x0a" else "no greeting"
        except OSError as error:
            return str(error)

    def _create(self, tables: Path) -> None:
        unfinished = tables.with_name("data.new")  # renamed when complete: a killed start leaves no incomplete folder
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        self.child.log.parent.mkdir(parents=True, exist_ok=True)
        # The script does not quote its paths: those of the links have no spaces.
        with tempfile.TemporaryDirectory() as links, self.child.log.open("ab") as log:
            base, target = Path(links) / "base", Path(links) / "data"
            base.symlink_to(self._installation.base)
            target.symlink_to(unfinished)
            setup = subprocess.run(
                [*self._installation.setup(base, target), *self._as_root()],
                env={**self._environ(), "TMPDIR": links},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if setup.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise ServerError(f"The system tables cannot be created. End of the log:\n{self.child.log_tail()}")
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
        return ("--user=root",) if os.geteuid() == 0 else ()  # the server refuses to run as root without it


def socket_path(folder: Path) -> Path:
    """Return the path of the unix socket: in the folder, or in a temporary one with a short name if it is too long."""
    path = folder / "socket"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        return path
    # The same name every time, because the stacks store this path.
    name = f"gallery-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    path = Path(tempfile.gettempdir()) / name / "socket"
    return path if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES else Path("/tmp") / name / "socket"  # noqa: S108


def make_private(folder: Path) -> None:
    """Create a folder with mode 700.

    Raises:
        ServerError: the path is something else, such as a folder of another user.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ServerError(f"{folder} is not a folder of this user; remove it or choose another data folder.")
    folder.chmod(0o700)
