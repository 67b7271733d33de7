"""Where the MariaDB server's programs are: installed on this machine, or fetched into a folder of ours.

Fetching uses Debian's and Ubuntu's signed packages, needs no root and installs nothing: the packages are only unpacked.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_cloud import REPOSITORY, LocalCloudError

PACKAGES = ("mariadb-server-core", "mariadb-client-core")  # the second carries a program that the set-up script calls
DOWNLOAD_SECONDS = 600.0
FETCHED = REPOSITORY / ".local" / "mariadb"

# Ordinary users do not have the sbin folders on their PATH; Homebrew links the rest.
SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin")

OTHERWISE = """\
Install a MariaDB server (macOS: brew install mariadb, Debian and Ubuntu: sudo apt install mariadb-server-core \
mariadb-client-core, Fedora: sudo dnf install mariadb-server),
or name a MySQL or MariaDB server in DATABASE_HOST, DATABASE_PORT, DATABASE_USER and DATABASE_PASSWORD."""


@dataclass(frozen=True)
class Installation:
    """The programs of a MariaDB server. `libraries` are folders of shared libraries that the system lacks."""

    server: Path
    base: Path
    libraries: tuple[Path, ...] = ()

    @property
    def setup(self) -> Path:
        """The script that creates a data folder, relative to the base."""
        for name in ("bin/mariadb-install-db", "scripts/mariadb-install-db"):
            if (self.base / name).is_file():
                return Path(name)
        raise LocalCloudError(f"{self.server} has no mariadb-install-db beside it.\n{OTHERWISE}")

    @property
    def messages(self) -> Path:
        """The folder of error messages and character sets."""
        candidates = (self.base / "share" / "mysql", self.base / "share" / "mariadb", self.base / "share")
        return next((folder for folder in candidates if (folder / "charsets").is_dir()), candidates[0])

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment in which the programs find their libraries."""
        path = [str(folder) for folder in self.libraries] + [environ.get("LD_LIBRARY_PATH", "")]
        return {**environ, "LD_LIBRARY_PATH": ":".join(filter(None, path))} if self.libraries else dict(environ)


def find(environ: Mapping[str, str] = os.environ) -> Installation | None:
    """Return the server that is installed on this machine, if any."""
    found = shutil.which("mariadbd", path=os.pathsep.join([environ.get("PATH", ""), *SERVER_FOLDERS]))
    return None if found is None else _installation(Path(found).resolve())


def find_or_fetch(report: Callable[[str], None], folder: Path = FETCHED) -> Installation:
    """Return the server of this machine, or the one in `folder`, unpacking it there first when it is missing.

    Raises:
        LocalCloudError: there is no server and none can be fetched.
    """
    installed = find()
    if installed is not None:
        return installed
    server = folder / "usr" / "sbin" / "mariadbd"
    if not server.is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # tests and `make up` may both want it
            if not server.is_file():
                report("Fetching MariaDB, about 9 MB, into a folder of this project")
                _fetch(folder)
    return _installation(server, _library_folders(folder))


def _installation(server: Path, libraries: tuple[Path, ...] = ()) -> Installation:
    return Installation(server, server.parent.parent, libraries)


def _library_folders(folder: Path) -> tuple[Path, ...]:
    places = [*folder.glob("usr/lib/*-linux-*"), *folder.glob("lib/*-linux-*")]
    return tuple(sorted(place for place in places if any(place.glob("*.so*"))))


def _fetch(folder: Path) -> None:
    for tool in ("apt-get", "dpkg", "ldd"):
        if shutil.which(tool) is None:
            raise LocalCloudError(f"There is no MariaDB server here, and no {tool} to fetch one with.\n{OTHERWISE}")
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as temporary:
            apt = Apt(Path(temporary))
            unpacked = Path(temporary) / "unpacked"
            apt.unpack(PACKAGES, unpacked)
            if missing_libraries(unpacked) and (packages := apt.missing_packages()):
                apt.unpack(packages, unpacked)
            lacking = missing_libraries(unpacked)
            if lacking:
                raise LocalCloudError(f"The fetched MariaDB server lacks {', '.join(lacking)}.\n{OTHERWISE}")
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.replace(folder)
    except OSError as error:
        raise LocalCloudError(f"MariaDB cannot be fetched into {folder}: {error}") from error


def missing_libraries(unpacked: Path) -> list[str]:
    """Return the names of shared libraries that an unpacked server needs and that are nowhere to be found."""
    installation = _installation(unpacked / "usr" / "sbin" / "mariadbd", _library_folders(unpacked))
    linked = subprocess.run(
        ["ldd", str(installation.server)],  # noqa: S607
        env=installation.environ(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return re.findall(r"^\s*(\S+) => not found", linked.stdout, re.MULTILINE)


class Apt:
    """Downloads packages with the system's sources and keys, and unpacks them; changes nothing of the system."""

    def __init__(self, folder: Path) -> None:
        """Work in a folder, which the caller removes."""
        self._folder = folder
        self._options = ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2", "-o", "Debug::NoLocking=1"]

    def unpack(self, packages: tuple[str, ...], target: Path) -> None:
        """Download packages and unpack their files below `target`.

        The system's package lists come first; where they are empty or out of date, lists of our own are made.

        Raises:
            LocalCloudError: a package cannot be had; the message has apt's reason.
        """
        downloads = Path(tempfile.mkdtemp(dir=self._folder, prefix="packages-"))
        result = self._run("download", *packages, folder=downloads)
        if result.returncode != 0:
            self._use_own_lists()
            result = self._run("download", *packages, folder=downloads)
        if result.returncode != 0:
            raise LocalCloudError(
                f"MariaDB cannot be fetched: apt-get download {' '.join(packages)} says:\n"
                f"{_last_lines(result.stderr or result.stdout)}\n{OTHERWISE}"
            )
        for package in sorted(downloads.glob("*.deb")):
            unpacking = subprocess.run(
                ["dpkg", "-x", str(package), str(target)],  # noqa: S607
                capture_output=True,
                text=True,
                check=False,
            )
            if unpacking.returncode != 0:
                raise LocalCloudError(f"{package.name} cannot be unpacked:\n{_last_lines(unpacking.stderr)}")

    def missing_packages(self) -> tuple[str, ...]:
        """Return the library packages that the server depends on and this system has not installed."""
        plan = self._run("install", "--simulate", "--no-install-recommends", *PACKAGES)
        return tuple(re.findall(r"^Inst (lib\S+)", plan.stdout, re.MULTILINE))

    def _use_own_lists(self) -> None:
        for name in ("lists", "cache"):
            (self._folder / name / "partial").mkdir(parents=True, exist_ok=True)
        own = {"Dir::State::Lists": "lists", "Dir::Cache": "cache"}
        for option, name in own.items():
            self._options += ["-o", f"{option}={self._folder / name}"]
        self._run("update")  # its exit code also tells of sources that do not matter here: the download decides

    def _run(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["apt-get", "--quiet", *self._options, *arguments],  # noqa: S607
                cwd=folder or self._folder,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=DOWNLOAD_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LocalCloudError(f"MariaDB cannot be fetched: apt-get gave no answer for {error.timeout} s") from error


def _last_lines(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-5:])
