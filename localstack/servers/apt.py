"""Unpacks packages of Debian and Ubuntu into a folder, without root and without changing the system.

apt verifies the signature of each package list, and the hash of each package that it downloads.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from servers import ServerError

RUN_SECONDS = 3600.0
"""The longest run of apt, which has its own timeouts for a network that does not respond."""


class Apt:
    """Runs apt with the system's sources and keys, or with another list of sources."""

    def __init__(self, folder: Path, sources: str | None = None) -> None:
        """Choose the folder and the sources.

        Args:
            folder: keeps downloads until the caller deletes it, so that a later run continues an interrupted one. It
                must not be shared.
            sources: the lines of a sources.list. Every dependency then counts as missing, because packages of another
                release need its libraries.

        Raises:
            ServerError: this machine has no apt.
        """
        for tool in ("apt-get", "dpkg", "ldd"):
            if shutil.which(tool) is None:
                raise ServerError(f"this machine has no {tool}")
        self._folder = folder
        self._options = ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2", "-o", "Debug::NoLocking=1"]
        self._list_errors: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        if sources is not None:
            self._use_sources(sources)

    def packages_named(self, pattern: str) -> list[str]:
        """Return the names of packages that match a regular expression."""
        found = self._run("apt-cache", "search", "--names-only", pattern)
        return [line.split(" ", 1)[0] for line in found.stdout.splitlines()]

    def debian_mirrors(self) -> list[str]:
        """Return the system's repositories of Debian itself; empty package lists are downloaded again, into the folder.

        Raises:
            ServerError: the lists cannot be downloaded; the message has apt's reason.
        """
        fields = "$(ORIGIN)\t$(LABEL)\t$(REPO_URI)"
        command = ("apt-get", "indextargets", "--format", fields, "Created-By: Packages")
        lines = self._run(*command).stdout.splitlines()
        if not lines:
            self._use_own_lists()
            lines = self._run(*command).stdout.splitlines()
        if not lines and self._list_errors:
            raise ServerError(_apt_error(self._list_errors))
        return [line.removeprefix("Debian\tDebian\t") for line in lines if line.startswith("Debian\tDebian\t")]

    def unpack(self, packages: Sequence[str], target: Path) -> None:
        """Download packages and unpack their files below `target`.

        It tries the system's package lists first. If these are empty or out of date, it downloads lists of its own.

        Raises:
            ServerError: a package cannot be downloaded or unpacked; the message has the reason.
        """
        downloads = self._folder / "packages"
        downloads.mkdir(exist_ok=True)
        try:
            files = self._download(packages, downloads)
        except ServerError:
            self._use_own_lists()
            files = self._download(packages, downloads)
        for file in files:
            unpacking = subprocess.run(
                ["dpkg", "-x", str(file), str(target)],  # noqa: S607
                capture_output=True,
                text=True,
                check=False,
            )
            if unpacking.returncode != 0:
                raise ServerError(f"{file.name} cannot be unpacked: {unpacking.stderr.strip()}")

    def missing_libraries_of(self, packages: Sequence[str]) -> tuple[str, ...]:
        """Return the library packages that some packages depend on and that are not installed.

        Raises:
            ServerError: a dependency is not available; the message has apt's reason.
        """
        plan = self._run("apt-get", "install", "--simulate", "--no-install-recommends", *packages)
        if plan.returncode != 0:
            raise ServerError(_apt_error(_errors(plan)))
        return tuple(re.findall(r"^Inst ((?:lib(?!perl)|zlib)\S+)", plan.stdout, re.MULTILINE))

    def _download(self, packages: Sequence[str], folder: Path) -> list[Path]:
        """Download packages that are missing in the folder, and return the files of all of them.

        apt takes any file of the right size for a finished download, so the checksums of existing files come first.
        """
        uris = self._run("apt-get", "download", "--print-uris", *packages).stdout
        checksums = {
            folder / file: checksum for file, checksum in re.findall(r"^'.*' (\S+) \d+ (\S+)$", uris, re.MULTILINE)
        }
        for file, checksum in checksums.items():
            if file.exists() and not _has_checksum(file, checksum):
                file.unlink()
        result = self._run("apt-get", "download", *packages, folder=folder)
        if result.returncode != 0:
            raise ServerError(_apt_error([*self._list_errors, *_errors(result)]))
        return list(checksums)

    def _use_sources(self, sources: str) -> None:
        folder = self._folder / "sources"
        folder.mkdir(exist_ok=True)
        listed, nothing = folder / "sources.list", folder / "nothing"
        listed.write_text(sources, encoding="utf-8")
        nothing.touch()
        own = {
            "Dir::Etc::sourcelist": listed,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": nothing,
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::status": nothing,
            "APT::Default-Release": "",
        }
        for option, value in own.items():
            self._options += ["-o", f"{option}={value}"]
        self._use_own_lists()

    def _use_own_lists(self) -> None:
        own = {"Dir::State::Lists": "lists", "Dir::Cache": "cache"}
        for option, name in own.items():
            (self._folder / name / "partial").mkdir(parents=True, exist_ok=True)
            self._options += ["-o", f"{option}={self._folder / name}"]
        # Sources that fail may not matter here: the download decides.
        self._list_errors = _errors(self._run("apt-get", "update", "-o", "Acquire::Languages=none"))

    def _run(self, program: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [program, "--quiet", *self._options, *arguments],
                cwd=folder or self._folder,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=RUN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ServerError(f"{program} timed out after {error.timeout:.0f} seconds") from error


def _has_checksum(file: Path, checksum: str) -> bool:
    """Tell whether a file has a checksum in the notation of apt, such as `SHA256:0123…`."""
    algorithm, _, expected = checksum.lower().partition(":")
    if algorithm not in hashlib.algorithms_available:
        return False
    with file.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest() == expected


def _apt_error(errors: list[str]) -> str:
    return "\n  ".join(["apt-get failed:", *dict.fromkeys(errors)])


def _errors(result: subprocess.CompletedProcess[str]) -> list[str]:
    return re.findall(r"^[EW]: .*", result.stderr, re.MULTILINE)
