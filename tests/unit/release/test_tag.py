"""`make tag`: each version at HEAD gets a tag, which is pushed and never moved."""

from pathlib import Path

import pytest

from support.versioned_project import Project

TAGS = ["annotate-v0.2.0", "catalog-v0.3.0", "web-v0.1.4"]


def merge(project: Project) -> None:
    project.git("push", "--quiet", "origin", "HEAD:main")


def test_untagged_versions_are_tagged(untagged: Project) -> None:
    assert untagged.release("tag").stdout == "".join(f"{tag}: tagged\n" for tag in TAGS)
    assert untagged.tags() == TAGS


def test_a_tag_never_moves(project: Project) -> None:
    before = project.git("rev-parse", "annotate-v0.2.0")
    project.change("web", "Show the colours")
    assert "annotate-v0.2.0: exists" in project.release("tag").stdout
    assert project.git("rev-parse", "annotate-v0.2.0") == before


def test_uncommitted_versions_are_not_tagged(project: Project) -> None:
    project.change("annotate", "Ask again")
    project.release("bump", "annotate")
    project.release("tag")
    assert project.tags() == TAGS


def test_new_tags_are_pushed_to_origin(project: Project, origin: Project) -> None:
    project.change_and_bump("annotate")
    merge(project)
    assert "annotate-v0.2.1: tagged, pushed\n" in project.release("tag").stdout
    assert origin.git("rev-parse", "annotate-v0.2.1") == project.git("rev-parse", "HEAD")
    assert "annotate-v0.2.1: exists\n" in project.release("tag").stdout


@pytest.mark.parametrize("by_hand", [[], ["annotate-v0.2.1"]])
def test_an_unmerged_commit_is_not_tagged(project: Project, origin: Project, by_hand: list[str]) -> None:
    project.change_and_bump("annotate")
    for tag in by_hand:
        project.git("tag", tag)
    ran = project.release("tag", code=1)
    assert "annotate-v0.2.1 would mark a commit that is not merged to main on origin: merge it first" in ran.stderr
    assert project.tags() == sorted([*TAGS, *by_hand])
    assert origin.tags() == TAGS


def test_a_branch_without_new_versions_needs_no_tags(project: Project, origin: Project) -> None:
    project.change("web", "Show the colours")
    project.release("tag")


def test_a_merged_commit_is_tagged_after_main_moved_on(project: Project, origin: Project) -> None:
    project.change_and_bump("annotate")
    merge(project)
    other = project.copy(project.path.with_name("other"))
    other.change("web", "Show the colours")
    merge(other)
    project.release("tag")
    assert origin.git("rev-parse", "annotate-v0.2.1") == project.git("rev-parse", "HEAD")


def test_without_main_on_origin_any_branch_can_be_tagged(project: Project, origin: Project) -> None:
    origin.git("branch", "--move", "main", "trunk")
    project.change_and_bump("annotate")
    project.release("tag")


def test_tags_that_only_origin_has_are_not_created_again(project: Project) -> None:
    clone = Project(project.path.with_name("clone"))
    project.git("clone", "--quiet", "--no-tags", str(project.path), str(clone.path))
    clone.change("web", "Show the colours")
    assert clone.release("tag").stdout == "".join(f"{tag}: exists\n" for tag in TAGS)
    assert clone.tags() == []


def test_a_tag_that_differs_from_origin_is_refused(project: Project, origin: Project) -> None:
    project.change_and_bump("annotate")
    project.git("tag", "annotate-v0.2.1")
    origin.git("tag", "annotate-v0.2.1", "annotate-v0.2.0")
    assert "git tag --delete annotate-v0.2.1 && git fetch --tags" in project.release("tag", code=1).stderr


def test_an_annotated_tag_on_origin_is_compared_by_its_commit(project: Project, origin: Project) -> None:
    origin.git("tag", "--force", "--annotate", "--message", "By hand", "web-v0.1.4", "web-v0.1.4^{commit}")
    project.release("tag")


def test_rejected_tags_are_kept_and_pushed_next_time(project: Project, origin: Project) -> None:
    project.change_and_bump("annotate")
    merge(project)
    hook = Path(origin.path / "hooks" / "update")
    hook.write_text("#!/bin/sh\necho protected >&2\nexit 1\n")
    hook.chmod(0o755)
    ran = project.release("tag", code=1)
    assert "origin rejected annotate-v0.2.1; the local tags are kept, and make tag pushes them again" in ran.stderr
    assert "protected" in ran.stderr
    hook.unlink()
    assert "annotate-v0.2.1: pushed\n" in project.release("tag").stdout
    assert "annotate-v0.2.1" in origin.tags()


def test_nothing_is_tagged_if_origin_is_unreachable(project: Project) -> None:
    project.git("remote", "add", "origin", str(project.path / "away"))
    project.change_and_bump("annotate")
    project.release("tag", code=1)
    assert project.tags() == TAGS


def test_tags_are_not_signed(untagged: Project) -> None:
    untagged.git("config", "tag.gpgSign", "true")
    untagged.release("tag")


def test_a_folder_outside_a_repository_is_reported(tmp_path: Path) -> None:
    ran = Project(tmp_path).release("tag", code=1)
    assert f"{tmp_path} is not in a git repository" in ran.stderr
    assert "git clone" in ran.stderr
