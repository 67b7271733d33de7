"""The programs of a database server: installed on this machine, or fetched into a folder of this project."""

import fcntl
import os
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from servers import REPOSITORY, ServerError
from servers.apt import Apt


@dataclass(frozen=True)
class Installation(ABC):
    """The programs of one database server.

    `libraries` are folders of shared libraries that the system lacks. `loader` is the program that starts others with
    only these libraries, if they need another C library than the system's.
    """

    product: ClassVar[str]
    program: ClassVar[str]
    """The server's file name."""
    folders: ClassVar[tuple[str, ...]]
    """Folders to search after the PATH: those of ordinary users lack sbin and some of Homebrew's."""
    megabytes: ClassVar[int]
    """The size of the download."""
    advice: ClassVar[str]
    """What to do if the server is neither installed nor can be fetched."""

    server: Path
    libraries: tuple[Path, ...] = ()
    loader: Path | None = None

    @property
    def base(self) -> Path:
        """The folder that contains everything, such as `bin` and `share`."""
        return self.server.parent.parent

    @property
    def command(self) -> list[str]:
        """The start of the server's command line."""
        if self.loader is None:
            return [str(self.server)]
        return [str(self.loader), "--library-path", ":".join(map(str, self.libraries)), str(self.server)]

    @property
    def messages(self) -> Path:
        """The folder of error messages and character sets."""
        candidates = (self.base / "share" / "mysql", self.base / "share" / "mariadb", self.base / "share")
        return next((folder for folder in candidates if (folder / "charsets").is_dir()), candidates[0])

    @property
    @abstractmethod
    def options(self) -> list[str]:
        """Command line options that only this product has."""

    @abstractmethod
    def setup(self, base: Path, tables: Path) -> list[str]:
        """Return the command that fills an empty folder; `base` links to the installation. Neither contains a space."""

    @abstractmethod
    def created(self, tables: Path) -> bool:
        """Tell whether a server of this product created the files of a data folder."""

    @classmethod
    @abstractmethod
    def unpack(cls, work: Path, target: Path) -> None:
        """Unpack the programs below `target`. Downloads are kept in `work`, where a later run finds them.

        Raises:
            ServerError: they cannot be downloaded or unpacked.
        """

    @classmethod
    def is_usable(cls, server: Path) -> bool:
        """Tell whether an installed program with the right name can be used."""
        return True

    @classmethod
    def find(cls) -> Self | None:
        """Return the server that is installed on this machine, if any."""
        for folder in (*os.environ.get("PATH", "").split(os.pathsep), *cls.folders):
            found = shutil.which(cls.program, path=folder)
            if found and cls.is_usable(Path(found)):
                return cls(Path(found).resolve())
        return None

    @classmethod
    def find_or_fetch(cls, report: Callable[[str], None], folder: Path | None = None) -> Self:
        """Return the installed server, or the one in `folder` (default: in .local), which is fetched if necessary.

        Raises:
            ServerError: it cannot be fetched. Downloads are kept, so that the next run continues.
        """
        if installed := cls.find():
            return installed
        folder = folder or REPOSITORY / ".local" / cls.product.lower()
        if not cls._in(folder).server.is_file():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # tests and `make up` may both fetch it
                if not cls._in(folder).server.is_file():
                    report(f"Fetching {cls.product}, about {cls.megabytes} MB, into a folder of this project")
                    cls._fetch(folder)
        return cls._in(folder)

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment in which the programs find their libraries."""
        if self.loader is not None or not self.libraries:
            return dict(environ)
        path = [str(folder) for folder in self.libraries] + [environ.get("LD_LIBRARY_PATH", "")]
        return {**environ, "LD_LIBRARY_PATH": ":".join(filter(None, path))}

    @classmethod
    def _fetch(cls, folder: Path) -> None:
        work = folder.with_name(f"{folder.name}.unfinished")
        unpacked = work / "unpacked"
        try:
            shutil.rmtree(unpacked, ignore_errors=True)  # of an interrupted run
            cls.unpack(work, unpacked)
            if missing := cls._missing_libraries(unpacked):
                raise ServerError(f"missing libraries: {', '.join(missing)}")
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.replace(folder)
            shutil.rmtree(work)
        except (ServerError, OSError) as error:
            raise ServerError(
                f"{cls.product} cannot be fetched: {error}\n"
                f"If the network failed, try again: finished downloads are kept. Otherwise:\n{cls.advice}"
            ) from error

    @classmethod
    def unpack_packages(cls, apt: Apt, packages: Sequence[str], target: Path) -> None:
        """Unpack a server's packages, and the libraries that it needs and this system lacks.

        Raises:
            ServerError: they cannot be downloaded or unpacked.
        """
        apt.unpack(packages, target)
        if cls._missing_libraries(target) and (libraries := apt.missing_libraries_of(packages)):
            apt.unpack(libraries, target)

    @classmethod
    def _missing_libraries(cls, unpacked: Path) -> list[str]:
        """Return the names of shared libraries that an unpacked server needs and that do not exist."""
        installation = cls._in(unpacked)
        command = installation.command
        linked = subprocess.run(
            ["ldd", *command] if installation.loader is None else [*command[:-1], "--list", command[-1]],
            env=installation.environ(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        # A library, or a version of one: "libicuuc.so.78 => not found", "version `GLIBC_2.38' not found".
        return re.findall(r"(\S+) (?:=> )?not found", linked.stdout + linked.stderr)

    @classmethod
    def _in(cls, folder: Path) -> Self:
        """Describe the packages that were unpacked into a folder."""
        places = [*folder.glob("usr/lib/*-linux-*"), *folder.glob("lib/*-linux-*")]
        libraries = tuple(sorted(place for place in places if any(place.glob("*.so*"))))
        loader = next((file for place in libraries for file in place.glob("ld-linux*.so.*")), None)
        return cls(folder / "usr" / "sbin" / cls.program, libraries, loader)
