"""The MariaDB server: installed on this machine, or fetched into a folder of this project."""

from pathlib import Path

from servers import ServerError
from servers.apt import Apt
from servers.installation import Installation

PACKAGES = ("mariadb-server-core", "mariadb-client-core")  # the set-up script calls a program of the second


class MariaDb(Installation):
    """The programs of a MariaDB server."""

    product = "MariaDB"
    program = "mariadbd"
    folders = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin")
    megabytes = 9
    advice = """\
Install a MariaDB server (macOS: brew install mariadb, Debian and Ubuntu: sudo apt install mariadb-server-core \
mariadb-client-core, Fedora: sudo dnf install mariadb-server),
or set DATABASE_HOST, DATABASE_PORT, DATABASE_USER and DATABASE_PASSWORD to use another MySQL or MariaDB server."""

    @property
    def options(self) -> list[str]:
        """Options that only MariaDB has."""
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
        raise ServerError(f"mariadb-install-db is missing from the installation of {self.server}.\n{self.advice}")

    def created(self, tables: Path) -> bool:
        """Tell whether the system tables are MariaDB's: files of its Aria engine."""
        return any((tables / "mysql").glob("*.MAI"))

    @classmethod
    def unpack(cls, work: Path, target: Path) -> None:
        """Unpack the system's own packages."""
        cls.unpack_packages(Apt(work), PACKAGES, target)
