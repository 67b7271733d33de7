"""Where the MySQL server's programs are: installed on this machine, or fetched into a folder of ours.

Ubuntu has MySQL. Of Debian only the unstable release has it: its package is unpacked with all the libraries that it
depends on, the C library too, so that it runs on the stable releases, which have older ones.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.apt import Apt
from local_cloud.installation import Installation

FETCHED = REPOSITORY / ".local" / "mysql"
SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/opt/mysql/bin", "/usr/local/opt/mysql/bin")
OLDEST = (8, 0, 30)  # knows all options below

CONFINED = {Path("/usr/sbin/mysqld"): Path("/etc/apparmor.d/usr.sbin.mysqld")}
"""Servers that may use no data folder but /var/lib/mysql if there is this AppArmor profile, which Ubuntu installs."""

KEYRINGS = tuple(Path(f"/usr/share/keyrings/debian-archive-keyring.{kind}") for kind in ("pgp", "gpg"))
"""Where the package debian-archive-keyring keeps the keys of all releases of Debian."""


class MySql(Installation):
    """The programs of a MySQL server."""

    product = "MySQL"
    program = "mysqld"
    megabytes = 60
    otherwise = """\
Install a MySQL server of version 8.0.30 or newer (macOS: brew install mysql),
or name a MySQL or MariaDB server in DATABASE_HOST, DATABASE_PORT, DATABASE_USER and DATABASE_PASSWORD."""

    @property
    def options(self) -> list[str]:
        """What only MySQL understands."""
        return [
            "--mysqlx=OFF",  # a second port
            "--auto-generate-certs=OFF",  # nobody needs TLS on a socket
            "--skip-log-bin",
            "--secure-file-priv=NULL",  # its default is a folder of an installed server
            "--innodb-redo-log-capacity=64M",
        ]

    def setup(self, base: Path, tables: Path) -> list[str]:
        """Return the command by which the server itself creates the system tables."""
        return [
            *self.command,
            "--no-defaults",
            "--initialize-insecure",  # root has no password
            f"--basedir={base}",
            f"--datadir={tables}",
            f"--lc-messages-dir={self.messages}",
            *self.options,
        ]

    def is_of_this_product(self, tables: Path) -> bool:
        """Tell whether the system tables are MySQL's, which are one file."""
        return (tables / "mysql.ibd").exists()

    @classmethod
    def unpack(cls, work: Path, target: Path) -> None:
        """Unpack the system's own package, or that of Debian's unstable release from the same mirror.

        Raises:
            LocalCloudError: neither has one.
        """
        apt = Apt(work)
        repositories = apt.repositories()
        names = apt.packages_named(r"^mysql-server-core(-[0-9.]+)?$")
        if not names:
            debian = [found.uri for found in repositories if found.origin == found.label == "Debian"]
            if not debian:
                raise LocalCloudError("the package sources of this machine have no mysql-server-core")
            keyring = next((f"[signed-by={file}] " for file in KEYRINGS if file.exists()), "")
            apt = Apt(work / "unstable", f"deb {keyring}{debian[0]} sid main\n")
            names = ["mysql-server-core"]
        cls.unpack_packages(apt, [max(names, key=_version)], target)
        shutil.rmtree(target / "usr" / "bin", ignore_errors=True)  # programs that nobody calls: a third of it all


def find(environ: Mapping[str, str] = os.environ) -> MySql | None:
    """Return the server that is installed on this machine, if any. What MariaDB calls mysqld is none."""
    for folder in (*environ.get("PATH", "").split(os.pathsep), *SERVER_FOLDERS):
        found = shutil.which(MySql.program, path=folder)
        if found and _is_usable(Path(found)):
            return MySql(Path(found).resolve())
    return None


def find_or_fetch(report: Callable[[str], None], folder: Path = FETCHED) -> MySql:
    """Return the server of this machine, or the one in `folder`, unpacking it there first when it is missing.

    Raises:
        LocalCloudError: there is no server and none can be fetched.
    """
    return find() or MySql.fetched(folder, report)


def _is_usable(server: Path) -> bool:
    if server in CONFINED and CONFINED[server].exists():
        return False
    asked = subprocess.run([server, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"Ver (\d+\.\d+\.\d+)(?!\S*MariaDB)", asked.stdout)
    return found is not None and _version(found[1]) >= OLDEST


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
