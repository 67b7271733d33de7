"""Packages a service as a zip: its own code, the packages it bundles, and the wheels of its lock.

Of the working tree, the name of a package carries a digest of everything that goes in, so an unchanged service is never
built again and different code never gets a name that was used before. A release is named by its version alone, and
publish.py sees to it that there is only one of a name.
"""

import hashlib
import json
import platform as machine
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from uv import find_uv_bin

from deploy.environment import Platform
from deploy.errors import PackageError

UV = find_uv_bin()  # here, and not in threads: the first use of sysconfig is not safe in several at once
REPOSITORY = Path(__file__).parents[3]
SERVICES = REPOSITORY / "services"
ARTIFACTS = REPOSITORY / ".local" / "artifacts"
AWS_PYTHON = "3.13"
AWS_PLATFORM = "aarch64-manylinux_2_28"
_PROCESSOR = {"arm64": "aarch64"}.get(machine.machine(), machine.machine())  # arm64 is how macOS calls it
_TARGETS = {"aws": AWS_PLATFORM, "container": f"{_PROCESSOR}-manylinux_2_28"}
LAYOUT = "1"
"""Part of every digest: raise it when this module packages differently."""

KEPT = 4
"""How many packages of a service a folder keeps: enough to switch between branches without building."""

# What installers leave behind; it differs from machine to machine and nothing reads it.
_INSTALLER_FILES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold


@dataclass(frozen=True)
class Package:
    """A packaged service; `key` is its name in an artifact bucket."""

    service: str
    version: str
    path: Path
    key: str


@dataclass(frozen=True)
class _Content:
    """What goes into a package, without its dependencies.

    `versions` are those of the service and of the packages that it bundles; `sources` are by their path in the package.
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
        """The file name of the working tree's package: a digest makes it another one for any other content."""
        return f"{self.service}-{self.version}-{_digest(self.sources)[:16]}.zip"


def package_key(service: str, platform: Platform) -> str:
    """Return the name that the package of a service has in an artifact bucket, without building it.

    Raises:
        PackageError: there is no such service.
    """
    return f"{service}/{_content(SERVICES, service, platform).name}"


def published_key(service: str, version: str) -> str:
    """Return the name that the package of a published version has in an artifact bucket."""
    return f"{service}/{service}-{version}.zip"


def package(service: str, platform: Platform, folder: Path = ARTIFACTS) -> Package:
    """Build the zip of a service of the working tree in `folder`, or find it there.

    Args:
        service: a folder of `services/`.
        platform: `aws` for Lambda and our instances, `host` for this machine and this Python, `container` for Lambda's
            images on this machine's processor.
        folder: where packages are kept.

    Raises:
        PackageError: there is no such service, or its dependencies cannot be had.
    """
    content = _content(SERVICES, service, platform)
    path = folder / content.name
    if path.exists():
        path.touch()  # what is in use is not the oldest: another process may be about to forget that
    else:
        _build(content, platform, path)
        _forget_older(service, folder)
    return Package(service, content.version, path, f"{service}/{content.name}")


def package_release(
    service: str, version: str, platform: Platform, *, services: Path, commit: str, folder: Path
) -> Package:
    """Build the zip of a version in `folder`, with its SBOM; two builds are the same to the byte.

    Args:
        service: a folder of `services`.
        version: the version that `services` must hold.
        platform: as `package` takes it.
        services: the folder `services/` as it was at `commit`.
        commit: what the version was tagged at; the manifest names it.
        folder: where to build.

    Raises:
        PackageError: `services` does not hold that version, or its dependencies cannot be had.
    """
    from deploy.sbom import sbom  # it takes half a second, for which only a release should wait

    content = _content(services, service, platform, {"commit": commit})
    if content.version != version:
        raise PackageError(f"commit {commit} holds {service} {content.version}, not {version}: its tag is wrong")
    key = published_key(service, version)
    path = folder / Path(key).name
    _build(content, platform, path, lambda wheels: {"sbom.json": sbom(service, content.versions, wheels).encode()})
    return Package(service, version, path, key)


def _content(
    services: Path, service: str, platform: Platform, more: Mapping[str, str] = MappingProxyType({})
) -> _Content:
    """Read what goes into a package; `more` is added to its manifest."""
    if not (services / service / "pyproject.toml").is_file():
        raise PackageError(f"there is no service {service!r} in {services.name}/")
    bundles: list[str] = _project(services, service)["tool"]["package"]["bundles"]
    versions: dict[str, str] = {bundled: _project(services, bundled)["project"]["version"] for bundled in bundles}
    lock = services / service / "requirements.txt"
    sources = {
        file.relative_to(services / bundled).as_posix(): file.read_bytes()
        for bundled in bundles
        for module in (_modules(services, service) if bundled == service else [bundled])
        for file in sorted((services / bundled / module).rglob("*"))
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


def _modules(services: Path, service: str) -> list[str]:
    backend = _project(services, service).get("tool", {}).get("uv", {}).get("build-backend", {})
    modules = backend.get("module-name", service)
    return [modules] if isinstance(modules, str) else modules


def _project(services: Path, name: str) -> dict[str, Any]:
    return tomllib.loads((services / name / "pyproject.toml").read_text(encoding="utf-8"))


def _build(
    content: _Content, platform: Platform, path: Path, more: Callable[[Path], Mapping[str, bytes]] = lambda wheels: {}
) -> None:
    """Build a package; `more` gets the folder of the wheels and returns files that are made from them."""
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


def _forget_older(service: str, folder: Path) -> None:
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
            f"the dependencies of {service} could not be installed; is the network there, and the disk not full?\n"
            f"{done.stderr.strip()}"
        )
    shutil.rmtree(content / "bin", ignore_errors=True)
    (content / ".lock").unlink(missing_ok=True)
    for name in _INSTALLER_FILES:
        for file in content.glob(f"*.dist-info/{name}"):
            file.unlink()


def _zip(content: Path, target: Path, *, compress: bool) -> None:
    """Write a zip whose bytes depend on the files alone. On one machine, speed matters more than size."""
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w", method) as archive:
        for file in sorted(content.rglob("*"), key=lambda path: path.relative_to(content).as_posix()):
            if file.is_dir() or file.suffix == ".pyc":
                continue
            entry = zipfile.ZipInfo(file.relative_to(content).as_posix(), _EPOCH)
            entry.compress_type = method
            entry.create_system = 3  # Unix, whatever this machine is
            entry.external_attr = (0o755 if file.suffix == ".so" else 0o644) << 16
            archive.writestr(entry, file.read_bytes())
