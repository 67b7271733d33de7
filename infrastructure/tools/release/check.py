"""The rules of versions and pins, checked with git only."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from release.changelog import section_text
from release.errors import ReleaseError
from release.pins import all_pins
from release.repository import Repository, tag_name
from release.service import Service, packages_of, read_changelog, read_service, read_services
from release.version import Version

CATALOG = "catalog"
"""The service whose migrations create the schema; other services bundle its code and rely on the schema."""


@dataclass(frozen=True)
class Finding:
    """A broken rule; `services` are those with incompatible versions."""

    services: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Report:
    """The result of a check: broken rules, and notes."""

    findings: list[Finding]
    notes: list[str]


def check(repository: Repository) -> Report:
    """Check every service and environment of the work tree.

    Raises:
        ReleaseError: history or tags are missing, or a file is invalid.
    """
    refuse_shallow_clone(repository)
    services = read_services(repository)
    if not any(repository.tags(name) for name in services):
        refuse_unfetched_tags(repository, services)
    report = Report([], [])
    for service in services.values():
        _check_service(repository, service, report)
    for path, pins in all_pins(repository).items():
        report.findings.extend(environment_findings(repository, services, path, pins))
    return report


def refuse_shallow_clone(repository: Repository) -> None:
    """Refuse a clone in which tags and commits are missing.

    Raises:
        ReleaseError: it is shallow.
    """
    if repository.is_shallow():
        raise ReleaseError(
            "this is a shallow clone, but versions need all tags: git fetch --unshallow --tags "
            "(actions/checkout: fetch-depth: 0)"
        )


def refuse_unfetched_tags(repository: Repository, names: Iterable[str]) -> None:
    """Refuse a clone that lacks tags of services on `origin`; an unreachable origin is ignored.

    Raises:
        ReleaseError: a tag is missing.
    """
    try:
        there = repository.origin_tags()
    except ReleaseError:
        return
    for name in names:
        here = repository.tags(name)
        versions = (Version.find(tag.removeprefix(f"{name}-v")) for tag in there)
        if missing := [version for version in versions if version and version not in here]:
            raise ReleaseError(f"origin has {tag_name(name, max(missing))}, but this clone does not: git fetch --tags")


def environment_findings(
    repository: Repository, services: Mapping[str, Service], path: str, pins: Mapping[str, Version]
) -> Iterator[Finding]:
    """Yield the rules that the pins of an environment break.

    Args:
        repository: the repository with the tags.
        services: the services of the work tree.
        path: the file of the environment, for messages.
        pins: the version of each service.

    Raises:
        ReleaseError: a pinned service is unknown.
    """
    for name, version in pins.items():
        if name not in services:
            raise ReleaseError(f"{path} pins the unknown service {name!r}; available: {', '.join(sorted(services))}")
        commit = repository.find_commit(f"refs/tags/{tag_name(name, version)}")
        pin = f"{path}: {name} {version}"
        if commit is None and version != services[name].version:
            hint = "if the tag exists, fetch it: git fetch --tags"
            yield Finding((name,), f"{pin} is neither tagged nor the version of services/{name}; {hint}")
            continue
        needed = _bundled_catalog(repository, name, commit) if name != CATALOG else None
        if needed and CATALOG in pins and pins[CATALOG] < needed:
            older = f"{CATALOG} {pins[CATALOG]} is pinned, which lacks its migrations"
            yield Finding((CATALOG, name), f"{pin} bundles {CATALOG} {needed}, but {older}")


def _bundled_catalog(repository: Repository, name: str, commit: str | None) -> Version | None:
    service = read_service(repository, name, commit)
    return read_service(repository, CATALOG, commit).version if CATALOG in service.bundles else None


def _check_service(repository: Repository, service: Service, report: Report) -> None:
    def found(text: str) -> None:
        report.findings.append(Finding((service.name,), text))

    release = f"make release SERVICE={service.name}"
    commit = repository.find_commit(f"refs/tags/{service.tag}")
    newest = max(repository.tags(service.name, merged=True), default=service.version)
    if commit is None and service.version < newest:
        found(f"{service.name} {service.version} is older than the released {newest}: {release}")
    elif commit and (changed := repository.changed(commit, service.own_paths)):
        found(f"{service.name} changed since {service.tag} ({_some(changed)}): {release}")
    elif commit and (bundled := repository.changed(commit, service.bundled_paths)):
        report.notes.append(f"{service.name} will include changes of {packages_of(bundled)} in its next release")
    if section_text(read_changelog(repository, service), service.version) is None:
        section = f"## {service.version} - <date>"
        found(f"{service.changelog} has no section for {service.version}: {release}, or write it under {section}")


def _some(paths: list[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
