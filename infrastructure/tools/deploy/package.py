"""Packages a service as a zip: its own code, the packages it bundles, and the wheels of its lock.

The name of a package built from the working tree contains a digest of its content: an unchanged service is not rebuilt,
and different code never gets the same name. A release is named by its version only; publish.py stores each name once.
"""

import hashlib
import json
import platform as machine
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from uv import find_uv_bin

from deploy.environment import Platform
from deploy.errors import PackageError
from environments.environment import REPOSITORY
from environments.project import bundled_modules, read_project

UV = find_uv_bin()  # at import, because the first use of sysconfig is not thread-safe
SERVICES = REPOSITORY / "services"
ARTIFACTS = REPOSITORY / ".local" / "artifacts"
AWS_PYTHON = "3.13"
AWS_PLATFORM = "aarch64-manylinux_2_28"
_PROCESSOR = {"arm64": "aarch64"}.get(machine.machine(), machine.machine())  # macOS says arm64
_TARGETS = {"aws": AWS_PLATFORM, "container": f"{_PROCESSOR}-manylinux_2_28"}
LAYOUT = "1"
"""Part of every digest; increase it when this module changes how it packages."""

KEPT = 4
"""The number of packages of a service that a folder keeps: enough to switch branches without rebuilding."""

# Files that installers leave behind. They differ between machines, and nothing reads them.
_INSTALLER_FILES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time in a zip


@dataclass(frozen=True)
class Package:
    """A packaged service; `key` is its name in an artifact bucket."""

    service: str
    version: str
    path: Path
    key: str


@dataclass(frozen=True)
class _Content:
    """The content of a package, without its dependencies.

    `versions` are those of the service and the packages it bundles; `sources` are files by their path in the package.
    """

    service: str
    versions: dict[str, str]
    lock: Path
    sources: dict[str, bytes]

    @property
    def version(self) -> str:
        """The version of the service."""
        return self.versions[self.service]

    @property
    def name(self) -> str:
        """The file name of a package of the working tree, with a digest of the content."""
        return f"{self.service}-{self.version}-{_digest(self.sources)[:16]}.zip"


def package_key(service: str, platform: Platform) -> str:
    """Return the artifact key of a service of the working tree, without building its package.

    Raises:
        PackageError: the service is unknown.
    """
    return f"{service}/{_content(SERVICES, service, platform).name}"


def published_key(service: str, version: str) -> str:
    """Return the artifact key of a published version."""
    return f"{service}/{service}-{version}.zip"


def package(service: str, platform: Platform, folder: Path = ARTIFACTS) -> Package:
    """Return the package of a service of the working tree; build it unless `folder` has it.

    Args:
        service: a folder of `services/`.
        platform: `aws` for Lambda and EC2 instances, `host` for this machine and this Python, `container` for Lambda
            images on this machine's processor.
        folder: keeps packages.

    Raises:
        PackageError: the service is unknown, or its dependencies cannot be installed.
    """
    content = _content(SERVICES, service, platform)
    path = folder / content.name
    if path.exists():
        path.touch()  # mark it as used, so that no other process deletes it
    else:
        _build(content, platform, path)
        _delete_older(service, folder)
    return Package(service, content.version, path, f"{service}/{content.name}")


def package_release(
    service: str, version: str, platform: Platform, *, services: Path, commit: str, folder: Path
) -> Package:
    """Build the package of a version in `folder`, with its SBOM. Builds are reproducible.

    Args:
        service: a folder of `services`.
        version: the version that `services` must contain.
        platform: see `package`.
        services: the folder `services/` as it was at `commit`.
        commit: the commit of the version's tag, for the manifest.
        folder: receives the package.

    Raises:
        PackageError: `services` contains another version, or its dependencies cannot be installed.
    """
    from deploy.sbom import sbom  # takes half a second to import; only releases need it

    content = _content(services, service, platform, {"commit": commit})
    if content.version != version:
        raise PackageError(f"commit {commit} contains {service} {content.version}, not {version}: its tag is wrong")
    key = published_key(service, version)
    path = folder / Path(key).name
    _build(content, platform, path, lambda wheels: {"sbom.json": sbom(service, content.versions, wheels).encode()})
    return Package(service, version, path, key)


def _content(
    services: Path, service: str, platform: Platform, more: Mapping[str, str] = MappingProxyType({})
) -> _Content:
    """Read what goes into a package; `more` is added to its manifest."""
    available = sorted(lock.parent.name for lock in services.glob("*/requirements.txt"))
    if service not in available:
        raise PackageError(f"unknown service {service!r}; available: {', '.join(available)}")
    bundled = bundled_modules(service, read_project(services / service))
    versions: dict[str, str] = {name: read_project(services / name)["project"]["version"] for name in bundled}
    lock = services / service / "requirements.txt"
    sources = {
        file.relative_to(services / name).as_posix(): file.read_bytes()
        for name, modules in bundled.items()
        for module in modules
        for file in sorted((services / name / module).rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }
    manifest = {
        "service": service,
        "version": versions[service],
        "bundles": versions,
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "platform": _platform_name(platform),
        **more,
    }
    sources["manifest.json"] = json.dumps(manifest, indent=1).encode()
    return _Content(service, versions, lock, sources)


def _build(
    content: _Content, platform: Platform, path: Path, more: Callable[[Path], Mapping[str, bytes]] = lambda wheels: {}
) -> None:
    """Build a package. `more` receives the folder with the wheels and returns additional files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
        unpacked = Path(temporary) / "content"
        _install(content.service, content.lock, platform, unpacked)
        for source, data in {**content.sources, **more(unpacked)}.items():
            (unpacked / source).parent.mkdir(parents=True, exist_ok=True)
            (unpacked / source).write_bytes(data)
        unfinished = Path(temporary) / path.name
        _zip(unpacked, unfinished, compress=platform != "host")
        unfinished.replace(path)


def _delete_older(service: str, folder: Path) -> None:
    found = sorted(folder.glob(f"{service}-*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in found[KEPT:]:
        old.unlink(missing_ok=True)


def _platform_name(platform: Platform) -> str:
    if platform != "host":
        return f"{_TARGETS[platform]} python{AWS_PYTHON}"
    return f"{sysconfig.get_platform()} python{sys.version_info.major}.{sys.version_info.minor}"


def _digest(sources: dict[str, bytes]) -> str:
    digest = hashlib.sha256(LAYOUT.encode())
    for name, data in sorted(sources.items()):
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _install(service: str, lock: Path, platform: Platform, content: Path) -> None:
    target = (
        ["--python", sys.executable]
        if platform == "host"
        else ["--python-platform", _TARGETS[platform], "--python-version", AWS_PYTHON]
    )
    command = [
        UV,
        *("pip", "install", "--quiet", "--target", str(content), *target),
        *("--only-binary", ":all:", "--no-deps", "--require-hashes", "--requirement", str(lock)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(
            f"the dependencies of {service} could not be installed; check the network and the free disk space\n"
            f"{done.stderr.strip()}"
        )
    shutil.rmtree(content / "bin", ignore_errors=True)
    (content / ".lock").unlink(missing_ok=True)
    for name in _INSTALLER_FILES:
        for file in content.glob(f"*.dist-info/{name}"):
            file.unlink()


def _zip(content: Path, target: Path, *, compress: bool) -> None:
    """Write a zip whose bytes depend only on the files. Packages for this machine are not compressed, for speed."""
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w", method) as archive:
        for file in sorted(content.rglob("*"), key=lambda path: path.relative_to(content).as_posix()):
            if file.is_dir() or file.suffix == ".pyc":
                continue
            entry = zipfile.ZipInfo(file.relative_to(content).as_posix(), _EPOCH)
            entry.compress_type = method
            entry.create_system = 3  # Unix, on every machine
            entry.external_attr = (0o755 if file.suffix == ".so" else 0o644) << 16
            archive.writestr(entry, file.read_bytes())
