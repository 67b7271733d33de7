"""Tags of versions: made once, where HEAD has a version that has none, and never moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from release.errors import ReleaseError
from release.repository import Repository
from release.service import read_services


@dataclass(frozen=True)
class Tagged:
    """A tag of a version at HEAD: whether it was made now, and whether it was pushed now."""

    tag: str
    made: bool
    pushed: bool


def tag_versions(repository: Repository) -> list[Tagged]:
    """Tag the versions at HEAD that have no tag, and push what `origin` lacks, when there is one.

    A tag that could not be pushed stays here; the next run pushes it. Where origin has a branch `main`, only what is
    merged there is tagged: a branch may still change, and a tag never moves.

    Raises:
        ReleaseError: a tag on origin marks another commit than here, what it would mark is not merged, or origin does
            not take the tags.
    """
    head = repository.head()
    tags = [service.tag for service in read_services(repository, head).values()]
    with_origin = repository.has_origin()
    on_origin = repository.origin_tags() if with_origin else {}
    here = {tag: repository.find_commit(f"refs/tags/{tag}") for tag in tags}
    for tag, commit in here.items():
        if commit and on_origin.get(tag, commit) != commit:
            raise ReleaseError(
                f"{tag} marks {on_origin[tag][:12]} on origin and {commit[:12]} here; a tag never moves, so take "
                f"origin's: git tag --delete {tag} && git fetch --tags"
            )
    made = {tag for tag in tags if not here[tag] and tag not in on_origin}
    to_push = [tag for tag in tags if with_origin and tag not in on_origin]
    if to_push:
        _refuse_unmerged(repository, {tag: here[tag] or head for tag in to_push})
    for tag in made:
        repository.make_tag(tag, head)
    if to_push:
        try:
            repository.push_tags(to_push)
        except ReleaseError as error:
            raise ReleaseError(
                f"{', '.join(to_push)} stay here, as origin did not take them; make tag pushes them again\n{error}"
            ) from error
    return [Tagged(tag, tag in made, tag in to_push) for tag in tags]


def _refuse_unmerged(repository: Repository, commits: Mapping[str, str]) -> None:
    main = repository.fetch_main()
    if main and (unmerged := [tag for tag, commit in commits.items() if not repository.is_ancestor(commit, main)]):
        raise ReleaseError(
            f"{', '.join(unmerged)} would mark a commit that is not on origin's main: merge it there first"
        )
