"""The services, and what their packages contain: read from `services/*/pyproject.toml`, now or as of a commit."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

from release.errors import ReleaseError
from release.repository import Repository
from release.version import Version


@dataclass(frozen=True)
class Service:
    """A service with releases of its own; `bundles` are the packages in its package, by their own name last."""

    name: str
    version: Version
    bundles: tuple[str, ...]

    @property
    def project_file(self) -> str:
        """Return the path of the file that holds the version."""
        return f"services/{self.name}/pyproject.toml"

    @property
    def changelog(self) -> str:
        """Return the path of the file that says what each version changed."""
        return f"services/{self.name}/CHANGELOG.md"

    @property
    def own_paths(self) -> tuple[str, ...]:
        """Return what only this service packages: a change there needs a new version."""
        folder = f"services/{self.name}"
        return f"{folder}/{self.name}", self.project_file, f"{folder}/requirements.txt"

    @property
    def bundled_paths(self) -> tuple[str, ...]:
        """Return what it takes from other packages as they are when it is released."""
        return tuple(f"services/{bundled}/{bundled}" for bundled in self.bundles if bundled != self.name)


def read_services(repository: Repository, commit: str | None = None) -> dict[str, Service]:
    """Read every service at a commit, or in the work tree; a package that is only bundled is none.

    Raises:
        ReleaseError: a pyproject.toml cannot be used.
    """
    services = {}
    for path in repository.files("services/*/pyproject.toml", commit):
        project = _read(repository, path, commit)
        if "package" in project.get("tool", {}):
            name = path.split("/")[1]
            services[name] = Service(name, _version(project, path), tuple(project["tool"]["package"]["bundles"]))
    if not services:
        raise ReleaseError(f"there is no services/*/pyproject.toml with [tool.package] in {repository.path}")
    return services


def bundled_versions(repository: Repository, service: Service, commit: str | None = None) -> dict[str, Version]:
    """Return the version of each package that a service bundles, at a commit or in the work tree.

    Raises:
        ReleaseError: one of them has no pyproject.toml with a version.
    """
    versions = {}
    for bundled in service.bundles:
        path = f"services/{bundled}/pyproject.toml"
        versions[bundled] = _version(_read(repository, path, commit), path)
    return versions


def _read(repository: Repository, path: str, commit: str | None) -> dict[str, Any]:
    try:
        return tomllib.loads(repository.read(path, commit).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{path} is not TOML: {error}") from error


def _version(project: dict[str, Any], path: str) -> Version:
    return Version.parse(project.get("project", {}).get("version"), f"{path}: project.version")
