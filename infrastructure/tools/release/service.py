"""The services and the contents of their packages: read from `services/*/pyproject.toml`, now or as of a commit."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from environments.project import bundled_modules
from release.errors import ReleaseError
from release.repository import Repository, tag_name
from release.version import Version

PROJECT_FILES = "services/*/pyproject.toml"
LOCKS = "services/*/requirements.txt"
"""A package with a lock is a service; one without is only bundled by services."""


@dataclass(frozen=True)
class Service:
    """A service with releases of its own; `bundles` are the modules in its package, by the folder they are in."""

    name: str
    version: Version
    bundles: Mapping[str, tuple[str, ...]]

    @property
    def project_file(self) -> str:
        """Return the path of the file that holds the version."""
        return f"services/{self.name}/pyproject.toml"

    @property
    def changelog(self) -> str:
        """Return the path of the list of changes in each version."""
        return f"services/{self.name}/CHANGELOG.md"

    @property
    def tag(self) -> str:
        """Return the tag of the version."""
        return tag_name(self.name, self.version)

    @property
    def own_paths(self) -> tuple[str, ...]:
        """Return the paths that only this service packages: a change there needs a new version."""
        folder = f"services/{self.name}"
        modules = (f"{folder}/{module}" for module in self.bundles[self.name])
        return *modules, self.project_file, f"{folder}/requirements.txt"

    @property
    def bundled_paths(self) -> tuple[str, ...]:
        """Return the paths of other packages whose current state is part of a release."""
        return tuple(
            f"services/{name}/{module}"
            for name, modules in self.bundles.items()
            if name != self.name
            for module in modules
        )

    @property
    def paths(self) -> tuple[str, ...]:
        """Return all paths that its package contains."""
        return *self.own_paths, *self.bundled_paths


def read_services(repository: Repository, commit: str | None = None) -> dict[str, Service]:
    """Read every service at a commit, or in the work tree, by name; packages that are only bundled are left out.

    Raises:
        ReleaseError: a pyproject.toml is invalid, or no service is found.
    """
    names = [path.split("/")[1] for path in repository.files(LOCKS, commit)]
    if not names:
        raise ReleaseError(f"no {LOCKS} found in {repository.path}")
    return {name: read_service(repository, name, commit) for name in names}


def read_service(repository: Repository, name: str, commit: str | None = None) -> Service:
    """Read a service at a commit, or in the work tree.

    Raises:
        ReleaseError: its pyproject.toml is missing or invalid.
    """
    path = f"services/{name}/pyproject.toml"
    project = _parse(repository.read(path, commit), path)
    return Service(name, _version(project, path), bundled_modules(name, project))


def choose(services: dict[str, Service], name: str) -> Service:
    """Return the service with that name.

    Raises:
        ReleaseError: the service is unknown; the message lists the available ones.
    """
    if name not in services:
        raise ReleaseError(f"unknown service {name!r}; available: {', '.join(sorted(services))}")
    return services[name]


def bundled_versions(repository: Repository, service: Service) -> dict[str, Version]:
    """Return the version of each other package that a service bundles, in the work tree.

    Raises:
        ReleaseError: one of them has no pyproject.toml with a version.
    """
    return {name: read_service(repository, name).version for name in service.bundles if name != service.name}


def read_changelog(repository: Repository, service: Service) -> str:
    """Return the changelog of a service in the work tree, or only a title if it is missing."""
    if service.changelog in repository.files("services/*/CHANGELOG.md"):
        return repository.read(service.changelog)
    return f"# {service.name}\n"


def changes_since(repository: Repository, service: Service, commit: str) -> list[str]:
    """Return the files of a package that changed since a commit; a changed version alone does not count."""
    changed = repository.changed(commit, service.paths)
    if service.project_file in changed and _differs_in_version_only(repository, service, commit):
        changed.remove(service.project_file)
    return changed


def packages_of(paths: Collection[str]) -> str:
    """Return the names of the packages of files below `services/`, joined for a sentence."""
    return " and ".join(sorted({path.split("/")[1] for path in paths}))


def _differs_in_version_only(repository: Repository, service: Service, commit: str) -> bool:
    if service.project_file not in repository.files(PROJECT_FILES, commit):
        return False
    before = repository.read(service.project_file, commit)
    return with_version(before, service.project_file, service.version) == repository.read(service.project_file)


def with_version(text: str, path: str, version: Version) -> str:
    """Return a pyproject.toml with another `project.version`; all other bytes are unchanged.

    Raises:
        ReleaseError: it has no version, or the version is not on a line of its own.
    """
    wanted = _parse(text, path)
    old = _version(wanted, path)
    wanted["project"]["version"] = str(version)
    line = re.compile(rf"""(?m)^([ \t]*version[ \t]*=[ \t]*["']){re.escape(str(old))}(?=["'])""")
    for match in line.finditer(text):  # other tables may contain the same line
        changed = f"{text[: match.start()]}{match[1]}{version}{text[match.end() :]}"
        if _parse(changed, path) == wanted:
            return changed
    raise ReleaseError(f'{path}: the version must be written as version = "{old}" below [project]')


def _parse(text: str, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ReleaseError(f"{path} is not valid TOML: {error}") from error


def _version(project: dict[str, Any], path: str) -> Version:
    return Version.parse(project.get("project", {}).get("version"), f"{path}: project.version")
