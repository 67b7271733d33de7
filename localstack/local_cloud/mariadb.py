"""Where the MariaDB server's programs are: installed on this machine, or fetched into a folder of ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.apt import Apt
from local_cloud.installation import Installation

PACKAGES = ("mariadb-server-core", "mariadb-client-core")  # the second carries a program that the set-up script calls
FETCHED = REPOSITORY / ".local" / "mariadb"

# Ordinary users do not have the sbin folders on their PATH; Homebrew links the rest.
SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin")


class MariaDb(Installation):
    """The programs of a MariaDB server."""

    product = "MariaDB"
    program = "mariadbd"
    megabytes = 9
    otherwise = """\
Install a MariaDB server (macOS: brew install mariadb, Debian and Ubuntu: sudo apt install mariadb-server-core \
mariadb-client-core, Fedora: sudo dnf install mariadb-server),
or name a MySQL or MariaDB server in DATABASE_HOST, DATABASE_PORT, DATABASE_USER and DATABASE_PASSWORD."""

    @property
    def options(self) -> list[str]:
        """What only MariaDB understands."""
        return ["--innodb-log-file-size=48M"]

    def setup(self, base: Path, tables: Path) -> list[str]:
        """Return the script that creates the system tables; it does not quote its paths."""
        return [
            str(base / self._script),
            "--no-defaults",
            f"--basedir={base}",
            f"--datadir={tables}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]

    @property
    def _script(self) -> Path:
        for name in ("bin/mariadb-install-db", "scripts/mariadb-install-db"):
            if (self.base / name).is_file():
                return Path(name)
        raise LocalCloudError(f"{self.server} has no mariadb-install-db beside it.\n{self.otherwise}")

    def is_of_this_product(self, tables: Path) -> bool:
        """Tell whether the system tables are MariaDB's, which are files of its Aria engine."""
        return any((tables / "mysql").glob("*.MAI"))

    @classmethod
    def unpack(cls, work: Path, target: Path) -> None:
        """Unpack the system's own packages."""
        cls.unpack_packages(Apt(work), PACKAGES, target)


def find(environ: Mapping[str, str] = os.environ) -> MariaDb | None:
    """Return the server that is installed on this machine, if any."""
    found = shutil.which(MariaDb.program, path=os.pathsep.join([environ.get("PATH", ""), *SERVER_FOLDERS]))
    return None if found is None else MariaDb(Path(found).resolve())


def find_or_fetch(report: Callable[[str], None], folder: Path = FETCHED) -> MariaDb:
    """Return the server of this machine, or the one in `folder`, unpacking it there first when it is missing.

    Raises:
        LocalCloudError: there is no server and none can be fetched.
    """
    return find() or MariaDb.fetched(folder, report)
