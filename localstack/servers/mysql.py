"""The MySQL server: installed on this machine, or fetched into a folder of this project.

Ubuntu has a package. Debian has one only in its unstable release: it is unpacked with all libraries it depends on,
including the C library, because the stable releases have older ones.
"""

import re
import shutil
import subprocess
from pathlib import Path

from servers import ServerError
from servers.apt import Apt
from servers.installation import Installation

OLDEST = (8, 0, 30)  # has all options below

CONFINED = {Path("/usr/sbin/mysqld"): Path("/etc/apparmor.d/usr.sbin.mysqld")}
"""Servers that can use no data folder but /var/lib/mysql if this AppArmor profile, which Ubuntu installs, exists."""

KEYRINGS = tuple(Path(f"/usr/share/keyrings/debian-archive-keyring.{kind}") for kind in ("pgp", "gpg"))
"""The keys of all Debian releases, from the package debian-archive-keyring."""


class MySql(Installation):
    """The programs of a MySQL server."""

    product = "MySQL"
    program = "mysqld"
    folders = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/opt/mysql/bin", "/usr/local/opt/mysql/bin")
    megabytes = 60
    advice = """\
Install MySQL 8.0.30 or newer (macOS: brew install mysql),
or set DATABASE_HOST, DATABASE_PORT, DATABASE_USER and DATABASE_PASSWORD to use another MySQL or MariaDB server."""

    @property
    def options(self) -> list[str]:
        """Options that only MySQL has."""
        return [
            "--mysqlx=OFF",  # a second port
            "--auto-generate-certs=OFF",  # a socket needs no TLS
            "--skip-log-bin",
            "--secure-file-priv=NULL",  # its default is a folder of an installed server
            "--innodb-redo-log-capacity=64M",
        ]

    def setup(self, base: Path, tables: Path) -> list[str]:
        """Return the command with which the server creates the system tables itself."""
        return [
            *self.command,
            "--no-defaults",
            "--initialize-insecure",  # root has no password
            f"--basedir={base}",
            f"--datadir={tables}",
            f"--lc-messages-dir={self.messages}",
            *self.options,
        ]

    def created(self, tables: Path) -> bool:
        """Tell whether the system tables are MySQL's: a single file."""
        return (tables / "mysql.ibd").exists()

    @classmethod
    def unpack(cls, work: Path, target: Path) -> None:
        """Unpack the system's own package, or the one of Debian's unstable release from the same mirror.

        Raises:
            ServerError: neither exists.
        """
        apt = Apt(work)
        mirrors = apt.debian_mirrors()
        names = apt.packages_named(r"^mysql-server-core(-[0-9.]+)?$")
        if not names:
            if not mirrors:
                raise ServerError("the package sources of this machine have no mysql-server-core")
            keyring = next((f"[signed-by={file}] " for file in KEYRINGS if file.exists()), "")
            apt = Apt(work / "unstable", f"deb {keyring}{mirrors[0]} sid main\n")
            names = ["mysql-server-core"]
        cls.unpack_packages(apt, [max(names, key=_version)], target)
        shutil.rmtree(target / "usr" / "bin", ignore_errors=True)  # unused programs: a third of the size

    @classmethod
    def is_usable(cls, server: Path) -> bool:
        """Tell whether a program called mysqld is MySQL, not MariaDB, new enough, and not confined."""
        if server in CONFINED and CONFINED[server].exists():
            return False
        asked = subprocess.run([server, "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"Ver (\d+\.\d+\.\d+)(?!\S*MariaDB)", asked.stdout)
        return found is not None and _version(found[1]) >= OLDEST


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
