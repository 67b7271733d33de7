"""The next version of a service: derived from commits, written to its files, and pinned in staging."""

from dataclasses import dataclass
from datetime import date

from release import commits
from release.changelog import section, section_text, with_section
from release.check import refuse_shallow_clone, refuse_unfetched_tags
from release.errors import ReleaseError
from release.pins import environment_path, with_pin
from release.repository import Repository, tag_name
from release.service import (
    Service,
    bundled_versions,
    changes_since,
    choose,
    packages_of,
    read_changelog,
    read_services,
    with_version,
)
from release.version import Part, Version

STAGING = "staging"
FIRST = "- First release."
REBUILT = "- Rebuilt without changes."


@dataclass(frozen=True)
class Release:
    """A new version, the tagged version before it, and the changed files."""

    service: str
    base: Version | None
    version: Version
    files: tuple[str, ...]


def bump(repository: Repository, name: str, part: Part | None, day: date) -> Release:
    """Give a service its next version in the work tree; nothing is committed.

    Idempotent: the version is derived from the newest tag in the history of HEAD. The first release of a service has
    the version in its pyproject.toml.

    Args:
        repository: the work tree, without uncommitted changes to the content of the package.
        name: the service.
        part: the part to increase, or None to derive it from the commits. With a part, an unchanged service is
            released as well.
        day: the date of the changelog section.

    Raises:
        ReleaseError: nothing to release, or a precondition is not met; nothing was written.
    """
    services = read_services(repository)
    service = choose(services, name)
    refuse_shallow_clone(repository)
    refuse_unfetched_tags(repository, [name])
    _refuse_uncommitted(repository, service)
    _refuse_unreleased_bundles(repository, services, service)
    base = next(iter(repository.tags(name, merged=True)), None)
    if base is None:
        if part:
            raise ReleaseError(
                f"HEAD has no tagged version of {name}, so its first release is {service.version}, from "
                f"{service.project_file}: run this without BUMP=, or change the version there"
            )
        version, entries = service.version, FIRST
    else:
        version, entries = _next(repository, service, base, part)
    if version in repository.tags(name):
        raise ReleaseError(
            f"{tag_name(name, version)} already exists outside the history of HEAD: merge main into this branch first"
        )
    new = section(version, day, entries, bundled_versions(repository, service))
    staging = environment_path(repository, STAGING)
    contents = {
        service.project_file: with_version(repository.read(service.project_file), service.project_file, version),
        service.changelog: _changelog(repository, service, base, version, new),
        staging: with_pin(repository.read(staging), staging, name, version),
    }
    for path, text in contents.items():
        repository.write(path, text)
    return Release(name, base, version, tuple(contents))


def _next(repository: Repository, service: Service, base: Version, part: Part | None) -> tuple[Version, str]:
    tag = tag_name(service.name, base)
    changed = changes_since(repository, service, repository.tag_commit(tag))
    if not changed and not part:
        raise ReleaseError(
            f"the content of the {service.name} package has not changed since {tag}; BUMP=patch releases it anyway"
        )
    version = base.next(part) if part else commits.next_version(repository, service, base)
    if not changed:
        return version, REBUILT
    return version, commits.entries(repository, service, base) or f"- Changes of {packages_of(changed)}."


def _changelog(repository: Repository, service: Service, base: Version | None, version: Version, new: str) -> str:
    """Return the changelog with the new section, which replaces the one that this branch added before."""
    changelog = read_changelog(repository, service)
    if base is None:  # a section that a person wrote is kept
        return changelog if section_text(changelog, version) is not None else with_section(changelog, new, None)
    if service.version <= base:
        return with_section(changelog, new, None)
    written = section_text(changelog, service.version)
    if written not in (None, section_text(new, version)) and repository.changed(repository.head(), [service.changelog]):
        raise ReleaseError(
            f"commit {service.changelog} first: its section of {service.version} was edited and will be rewritten"
        )
    return with_section(changelog, new, service.version)


def _refuse_uncommitted(repository: Repository, service: Service) -> None:
    if uncommitted := changes_since(repository, service, repository.head()):
        raise ReleaseError(
            f"commit these first: {', '.join(uncommitted)}; the next version of {service.name} is derived from commits"
        )


def _refuse_unreleased_bundles(repository: Repository, services: dict[str, Service], service: Service) -> None:
    for bundled in service.bundles:
        if bundled == service.name or bundled not in services:
            continue
        other = services[bundled]
        commit = repository.find_commit(f"refs/tags/{other.tag}")
        if commit and repository.changed(commit, other.own_paths):
            raise ReleaseError(
                f"{service.name} bundles {bundled}, which changed since {other.tag}: "
                f"make release SERVICE={bundled} first"
            )
