"""A repository of Debian packages in a folder, which apt can use like a mirror."""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

NEEDS_APT = pytest.mark.skipif(
    not all(map(shutil.which, ("apt-get", "dpkg-deb", "gpg"))), reason="needs apt, dpkg and gpg"
)


class Key:
    """A key that signs repositories."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self._home = folder
        self._gpg("--quick-generate-key", "archive@example.test", "ed25519", "sign", "never")
        self.keyring = folder / "keyring.gpg"
        self._gpg("--output", str(self.keyring), "--export")

    def sign(self, file: Path, target: Path) -> None:
        self._gpg("--yes", "--output", str(target), "--clearsign", str(file))

    def _gpg(self, *arguments: str) -> None:
        options = ["--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]
        subprocess.run(["gpg", "--homedir", self._home, *options, *arguments], check=True, capture_output=True)


class Suite:
    """A release of packages, such as `bookworm`, all in the component `main`."""

    def __init__(self, mirror: Path, name: str) -> None:
        self._mirror = mirror
        self._name = name
        self._entries: list[str] = []

    def add(self, package: str, files: Mapping[str, str], depends: str = "", version: str = "1") -> Path:
        """Build a package that contains programs."""
        root = self._mirror / "build" / f"{package}-{version}"
        for name, text in files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)
        fields = [f"Package: {package}", f"Version: {version}", "Architecture: all", "Maintainer: nobody"]
        fields += [f"Depends: {depends}"] if depends else []
        (root / "DEBIAN").mkdir(parents=True, exist_ok=True)
        (root / "DEBIAN" / "control").write_text("\n".join([*fields, "Description: of a test", ""]))
        built = self._mirror / "pool" / f"{package}_{version}_all.deb"
        built.parent.mkdir(exist_ok=True)
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", root, built], check=True, capture_output=True)
        content = built.read_bytes()
        where = [f"Filename: pool/{built.name}", f"Size: {len(content)}", f"SHA256: {_sha256(content)}"]
        self._entries.append("\n".join([*fields, *where, "Description: of a test", ""]))
        return built

    def publish(self, origin: str = "Debian", key: Key | None = None) -> None:
        """Write the package lists and sign them."""
        architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
        folder = self._mirror / "dists" / self._name
        packages = folder / "main" / f"binary-{architecture}" / "Packages"
        packages.parent.mkdir(parents=True, exist_ok=True)
        packages.write_text("".join(f"{entry}\n" for entry in self._entries))
        content = packages.read_bytes()
        release = folder / "Release"
        release.write_text(
            f"Origin: {origin}\nLabel: {origin}\nSuite: {self._name}\nCodename: {self._name}\n"
            f"Date: Thu, 01 Jan 2026 00:00:00 UTC\nArchitectures: {architecture}\nComponents: main\nSHA256:\n"
            f" {_sha256(content)} {len(content)} {packages.relative_to(folder)}\n"
        )
        if key is not None:
            key.sign(release, folder / "InRelease")


def write_system(folder: Path, sources: str) -> Path:
    """Return an APT_CONFIG that makes these the sources of the system, with empty package lists."""
    folder.mkdir()
    (folder / "sources.list").write_text(sources)
    (folder / "status").touch()
    for name in ("lists", "cache"):
        (folder / name / "partial").mkdir(parents=True)
    settings = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::Status": folder / "status",
        "Dir::Cache": folder / "cache",
    }
    config = folder / "apt.conf"
    config.write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    return config


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
