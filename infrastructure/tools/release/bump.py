"""The next version of a service: worked out from commits, written into its files, and pinned in staging."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from release import commits
from release.changelog import section, with_section, words
from release.check import refuse_cut_history, refuse_unfetched_tags
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
REBUILT = "- Built again: nothing that it contains has changed."


@dataclass(frozen=True)
class Release:
    """A version that was written, the tagged one it follows, and the files that say so."""

    service: str
    base: Version | None
    version: Version
    files: tuple[str, ...]


def bump(repository: Repository, name: str, part: Part | None, day: date) -> Release:
    """Give a service its next version in the work tree; nothing is committed.

    Run again, it works the version out anew, from the newest tag in the history of HEAD. The first release of a service
    is the version that its pyproject.toml has.

    Args:
        repository: the work tree, without uncommitted changes to what the package contains.
        name: the service.
        part: what moves, or None to decide that from the commits. A part that is asked for releases an unchanged
            service, too.
        day: the date of the section in the changelog.

    Raises:
        ReleaseError: there is nothing to release, or something has to be done first; nothing was written.
    """
    services = read_services(repository)
    service = choose(services, name)
    refuse_cut_history(repository)
    refuse_unfetched_tags(repository, [name])
    _refuse_uncommitted(repository, service)
    _refuse_unreleased_bundles(repository, services, service)
    base = next(iter(repository.tags(name, merged=True)), None)
    if base is None:
        if part:
            raise ReleaseError(
                f"no version of {name} is in the history of HEAD, so its first release is {service.version}, "
                f"from {service.project_file}: run it without BUMP=, or write another version there"
            )
        version, entries = service.version, FIRST
    else:
        version, entries = _next(repository, service, base, part)
    if version in repository.tags(name):
        raise ReleaseError(
            f"{tag_name(name, version)} exists already, outside the history of HEAD: merge main into this branch first"
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
    changed = changes_since(repository, service, repository.tag_commit(tag), service.paths)
    if not changed and not part:
        raise ReleaseError(
            f"nothing that the package of {service.name} contains has changed since {tag}; "
            f"BUMP=patch releases it all the same"
        )
    version = base.next(part) if part else commits.next_version(repository, service, base)
    if not changed:
        return version, REBUILT
    return version, commits.entries(repository, service, base) or f"- Changes of {packages_of(changed)}."


def _changelog(repository: Repository, service: Service, base: Version | None, version: Version, new: str) -> str:
    """Return the changelog with the new section, instead of the one that this branch wrote before."""
    changelog = read_changelog(repository, service)
    if base is None:  # what a person wrote about the first release stays
        return changelog if words(changelog, version) is not None else with_section(changelog, new, None)
    if service.version <= base:
        return with_section(changelog, new, None)
    written = words(changelog, service.version)
    if written not in (None, words(new, version)) and repository.changed(repository.head(), [service.changelog]):
        raise ReleaseError(
            f"{service.changelog}: commit that first; its section of {service.version} is written anew, and differs"
        )
    return with_section(changelog, new, service.version)


def _refuse_uncommitted(repository: Repository, service: Service) -> None:
    if uncommitted := changes_since(repository, service, repository.head(), service.paths):
        raise ReleaseError(
            f"{', '.join(uncommitted)}: commit that first; the next version of {service.name} follows from commits"
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
