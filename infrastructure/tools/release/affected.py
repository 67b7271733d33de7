"""Finds the services that a change affects; CI tests and packages them before the merge."""

from release.repository import Repository
from release.service import read_services

SHARED = (
    ".github/",
    "Makefile",
    "pyproject.toml",
    "requirements.txt",
    "infrastructure/tools/environments/",
    "infrastructure/tools/uv.txt",
    "infrastructure/tools/deploy/package.py",
    "infrastructure/tools/deploy/sbom.py",
)
"""Files that affect every service, in addition to those directly in tests/ and in tests/support/."""


def affected_services(repository: Repository, base: str) -> list[str]:
    """Return the services that differ between the commit `base` and the work tree, sorted.

    A package affects all services that bundle it. If `base` is not in this clone, all services are returned: GitHub
    passes forty zeros for a new branch, and an unknown commit after a forced push.
    """
    services = read_services(repository)
    commit = repository.find_commit(base) if base else None
    if commit is None:
        return sorted(services)
    affected: set[str] = set()
    for path in repository.changed(commit, ["."]):
        if path.startswith(SHARED) or _is_shared_test(path):
            return sorted(services)
        affected.update(name for name, service in services.items() if _package_of(path) in service.bundles)
    return sorted(affected)


def _package_of(path: str) -> str | None:
    """Return the package to whose code, dependencies or tests a path belongs."""
    folders = path.split("/")
    if folders[0] == "services":
        return folders[1]
    if folders[:2] in (["tests", "unit"], ["tests", "component"]):
        return folders[2]
    return None


def _is_shared_test(path: str) -> bool:
    folders = path.split("/")[:-1]
    return folders == ["tests"] or folders[:2] == ["tests", "support"]
