"""`make tag`: a tag for each version at HEAD, made once, pushed, and never moved."""

from pathlib import Path

from support.versioned_project import Project, ReleaseCommand

TAGS = ["annotate-v0.2.0", "catalog-v0.3.0", "web-v0.1.4"]


def release_annotate(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    project.commit("Release annotate 0.2.1")


def merge(project: Project) -> None:
    project.git("push", "--quiet", "origin", "HEAD:main")


def test_versions_without_a_tag_get_one(untagged: Project, release: ReleaseCommand) -> None:
    ran = release(untagged, "tag")
    assert ran.code == 0
    assert ran.out == "".join(f"{tag}: tagged\n" for tag in TAGS)
    assert untagged.tags() == TAGS


def test_a_tag_never_moves(project: Project, release: ReleaseCommand) -> None:
    before = project.git("rev-parse", "annotate-v0.2.0")
    project.change("web", "Show the colours")
    assert "annotate-v0.2.0: there already" in release(project, "tag").out
    assert project.git("rev-parse", "annotate-v0.2.0") == before


def test_uncommitted_versions_are_not_tagged(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    release(project, "tag")
    assert project.tags() == TAGS


def test_new_tags_are_pushed_to_origin(project: Project, origin: Project, release: ReleaseCommand) -> None:
    release_annotate(project, release)
    merge(project)
    ran = release(project, "tag")
    assert "annotate-v0.2.1: tagged, pushed\n" in ran.out
    assert origin.git("rev-parse", "annotate-v0.2.1") == project.git("rev-parse", "HEAD")
    assert "annotate-v0.2.1: there already\n" in release(project, "tag").out


def test_what_is_not_merged_is_not_tagged(project: Project, origin: Project, release: ReleaseCommand) -> None:
    release_annotate(project, release)
    ran = release(project, "tag")
    assert ran.code == 1
    assert "annotate-v0.2.1 would mark a commit that is not on origin's main: merge it there first" in ran.err
    assert project.tags() == origin.tags() == TAGS


def test_a_tag_made_by_hand_on_what_is_not_merged_is_not_pushed(
    project: Project, origin: Project, release: ReleaseCommand
) -> None:
    release_annotate(project, release)
    project.git("tag", "annotate-v0.2.1")
    assert release(project, "tag").code == 1
    assert origin.tags() == TAGS


def test_a_branch_without_new_versions_needs_no_tags(
    project: Project, origin: Project, release: ReleaseCommand
) -> None:
    project.change("web", "Show the colours")
    assert release(project, "tag").code == 0


def test_a_merge_is_tagged_although_main_went_on(project: Project, origin: Project, release: ReleaseCommand) -> None:
    release_annotate(project, release)
    merge(project)
    other = project.copy(project.path.with_name("other"))
    other.change("web", "Show the colours")
    merge(other)
    assert release(project, "tag").code == 0
    assert origin.git("rev-parse", "annotate-v0.2.1") == project.git("rev-parse", "HEAD")


def test_an_origin_without_main_takes_tags_of_any_branch(
    project: Project, origin: Project, release: ReleaseCommand
) -> None:
    origin.git("branch", "--move", "main", "trunk")
    release_annotate(project, release)
    assert release(project, "tag").code == 0


def test_a_clone_without_tags_takes_those_of_origin_as_there(project: Project, release: ReleaseCommand) -> None:
    clone = Project(project.path.with_name("clone"))
    project.git("clone", "--quiet", "--no-tags", str(project.path), str(clone.path))
    clone.change("web", "Show the colours")
    ran = release(clone, "tag")
    assert ran.out == "".join(f"{tag}: there already\n" for tag in TAGS)
    assert clone.tags() == []


def test_a_tag_that_differs_from_origins_is_refused(project: Project, origin: Project, release: ReleaseCommand) -> None:
    release_annotate(project, release)
    project.git("tag", "annotate-v0.2.1")
    origin.git("tag", "annotate-v0.2.1", "annotate-v0.2.0")
    ran = release(project, "tag")
    assert ran.code == 1
    assert "git tag --delete annotate-v0.2.1 && git fetch --tags" in ran.err


def test_an_annotated_tag_on_origin_is_the_commit_that_it_marks(
    project: Project, origin: Project, release: ReleaseCommand
) -> None:
    origin.git("tag", "--force", "--annotate", "--message", "By hand", "web-v0.1.4", "web-v0.1.4^{commit}")
    assert release(project, "tag").code == 0


def test_tags_that_origin_does_not_take_stay_and_are_pushed_next_time(
    project: Project, origin: Project, release: ReleaseCommand
) -> None:
    release_annotate(project, release)
    merge(project)
    hook = Path(origin.path / "hooks" / "update")
    hook.write_text("#!/bin/sh\necho protected >&2\nexit 1\n")
    hook.chmod(0o755)
    ran = release(project, "tag")
    assert ran.code == 1
    assert "annotate-v0.2.1 stay here, as origin did not take them; make tag pushes them again" in ran.err
    assert "protected" in ran.err
    hook.unlink()
    assert "annotate-v0.2.1: pushed\n" in release(project, "tag").out
    assert "annotate-v0.2.1" in origin.tags()


def test_nothing_is_tagged_when_origin_cannot_be_asked(project: Project, release: ReleaseCommand) -> None:
    project.git("remote", "add", "origin", str(project.path / "away"))
    release_annotate(project, release)
    assert release(project, "tag").code == 1
    assert project.tags() == TAGS


def test_signing_is_not_asked_for(untagged: Project, release: ReleaseCommand) -> None:
    untagged.git("config", "tag.gpgSign", "true")
    assert release(untagged, "tag").code == 0


def test_outside_of_a_repository_it_says_so(release: ReleaseCommand, tmp_path: Path) -> None:
    ran = release(Project(tmp_path), "tag")
    assert ran.code == 1
    assert f"{tmp_path} is in no git repository" in ran.err
    assert "git clone" in ran.err
