"""The programs of a database server: installed on this machine, or fetched into a folder of ours."""

from __future__ import annotations

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

from local_cloud import LocalCloudError
from local_cloud.apt import Apt


@dataclass(frozen=True)
class Installation(ABC):
    """The programs of one database server.

    `libraries` are folders of shared libraries that the system lacks. `loader` is the program that starts others with
    these libraries alone, where they need another C library than the system's.
    """

    product: ClassVar[str]
    program: ClassVar[str]
    """The server's file name."""
    megabytes: ClassVar[int]
    """How much is downloaded."""
    otherwise: ClassVar[str]
    """What to do where it can neither be found nor fetched."""

    server: Path
    libraries: tuple[Path, ...] = ()
    loader: Path | None = None

    @property
    def base(self) -> Path:
        """The folder that holds everything, such as `bin` and `share`."""
        return self.server.parent.parent

    @property
    def command(self) -> list[str]:
        """What starts the server."""
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
        """What the server needs on its command line, besides what every product understands."""

    @abstractmethod
    def setup(self, base: Path, tables: Path) -> list[str]:
        """Return the command that fills an empty folder; `base` leads to the installation. Neither has a space."""

    @abstractmethod
    def is_of_this_product(self, tables: Path) -> bool:
        """Tell whether a server of this product made the files of a data folder."""

    @classmethod
    @abstractmethod
    def unpack(cls, work: Path, target: Path) -> None:
        """Unpack the programs below `target`. What is downloaded goes to `work`, and is found there by a later run.

        Raises:
            LocalCloudError: they cannot be had.
        """

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment in which the programs find their libraries."""
        if self.loader is not None or not self.libraries:
            return dict(environ)
        path = [str(folder) for folder in self.libraries] + [environ.get("LD_LIBRARY_PATH", "")]
        return {**environ, "LD_LIBRARY_PATH": ":".join(filter(None, path))}

    @classmethod
    def fetched(cls, folder: Path, report: Callable[[str], None]) -> Self:
        """Return the one in a folder, after fetching it when it is not there.

        Raises:
            LocalCloudError: it cannot be fetched. What was downloaded is kept, so that the next run goes on.
        """
        if not cls._in(folder).server.is_file():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with folder.with_name(f"{folder.name}.lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # tests and `make up` may both want it
                if not cls._in(folder).server.is_file():
                    report(f"Fetching {cls.product}, about {cls.megabytes} MB, into a folder of this project")
                    cls._fetch(folder)
        return cls._in(folder)

    @classmethod
    def _fetch(cls, folder: Path) -> None:
        work = folder.with_name(f"{folder.name}.unfinished")
        unpacked = work / "unpacked"
        try:
            shutil.rmtree(unpacked, ignore_errors=True)  # of a run that was interrupted
            cls.unpack(work, unpacked)
            if lacking := cls._missing_libraries(unpacked):
                raise LocalCloudError(f"it lacks {', '.join(lacking)}")
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.replace(folder)
            shutil.rmtree(work)
        except (LocalCloudError, OSError) as error:
            raise LocalCloudError(
                f"{cls.product} cannot be fetched: {error}\n"
                f"If the network was away, try again: what was downloaded is kept. Otherwise:\n{cls.otherwise}"
            ) from error

    @classmethod
    def unpack_packages(cls, apt: Apt, packages: Sequence[str], target: Path) -> None:
        """Unpack a server's packages, and the libraries that it needs and this system lacks.

        Raises:
            LocalCloudError: they cannot be had.
        """
        apt.unpack(packages, target)
        if cls._missing_libraries(target) and (libraries := apt.missing_libraries_of(packages)):
            apt.unpack(libraries, target)

    @classmethod
    def _missing_libraries(cls, unpacked: Path) -> list[str]:
        """Return the names of shared libraries that an unpacked server needs and that are nowhere to be found."""
        installation = cls._in(unpacked)
        command = installation.command
        linked = subprocess.run(
            ["ldd", *command] if installation.loader is None else [*command[:-1], "--list", command[-1]],
            env=installation.environ(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        # A library itself, or a version of it: "libicuuc.so.78 => not found", "version `GLIBC_2.38' not found".
        return re.findall(r"(\S+) (?:=> )?not found", linked.stdout + linked.stderr)

    @classmethod
    def _in(cls, folder: Path) -> Self:
        """Describe what packages were unpacked into a folder."""
        places = [*folder.glob("usr/lib/*-linux-*"), *folder.glob("lib/*-linux-*")]
        libraries = tuple(sorted(place for place in places if any(place.glob("*.so*"))))
        loader = next((file for place in libraries for file in place.glob("ld-linux*.so.*")), None)
        return cls(folder / "usr" / "sbin" / cls.program, libraries, loader)
