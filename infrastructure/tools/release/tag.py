"""Tags of versions: created once, for untagged versions at HEAD, and never moved."""

from collections.abc import Mapping
from dataclasses import dataclass

from release.errors import ReleaseError
from release.repository import Repository
from release.service import read_services


@dataclass(frozen=True)
class Tagged:
    """The tag of a version at HEAD, and whether this run created and pushed it."""

    tag: str
    made: bool
    pushed: bool


def tag_versions(repository: Repository) -> list[Tagged]:
    """Tag the untagged versions at HEAD, and push the tags that `origin` lacks, if there is an origin.

    If the push fails, the local tags are kept, and the next run pushes them. If origin has a branch `main`, only
    commits merged there are tagged: other branches may still change, but a tag never moves.

    Raises:
        ReleaseError: origin has a tag at another commit, a commit is not merged, or origin rejects the push.
    """
    head = repository.head()
    tags = [service.tag for service in read_services(repository, head).values()]
    with_origin = repository.has_origin()
    on_origin = repository.origin_tags() if with_origin else {}
    here = {tag: repository.find_commit(f"refs/tags/{tag}") for tag in tags}
    for tag, commit in here.items():
        if commit and on_origin.get(tag, commit) != commit:
            raise ReleaseError(
                f"{tag} marks {on_origin[tag][:12]} on origin but {commit[:12]} here; tags never move, so use "
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
                f"origin rejected {', '.join(to_push)}; the local tags are kept, and make tag pushes them again\n"
                f"{error}"
            ) from error
    return [Tagged(tag, tag in made, tag in to_push) for tag in tags]


def _refuse_unmerged(repository: Repository, commits: Mapping[str, str]) -> None:
    main = repository.fetch_main()
    if main and (unmerged := [tag for tag, commit in commits.items() if not repository.is_ancestor(commit, main)]):
        raise ReleaseError(
            f"{', '.join(unmerged)} would mark a commit that is not merged to main on origin: merge it first"
        )
