"""`make versions`: every changed service has a new version, and environments pin what goes together."""

import pytest

from support.versioned_project import PRODUCTION, STAGING, Project, ReleaseCommand


def test_tagged_versions_that_did_not_change_are_in_order(project: Project, release: ReleaseCommand) -> None:
    assert release(project, "check").code == 0


def test_versions_before_the_first_tag_are_in_order(untagged: Project, release: ReleaseCommand) -> None:
    assert release(untagged, "check").code == 0


@pytest.mark.parametrize(
    "path",
    ["annotate/code.py", "annotate/new.py", "annotate/templates/page.html", "pyproject.toml", "requirements.txt"],
)
def test_a_changed_service_needs_a_new_version(project: Project, release: ReleaseCommand, path: str) -> None:
    path = f"services/annotate/{path}"
    project.write(path, (project.read(path) if (project.path / path).exists() else "") + "# changed\n")
    ran = release(project, "check")
    assert ran.code == 3
    assert ran.err == f"release: annotate changed since annotate-v0.2.0 ({path}): make release SERVICE=annotate\n"
    project.commit("Change it")
    assert release(project, "check").code == 3
    release(project, "bump", "annotate")
    assert release(project, "check").code == 0


def test_a_deleted_file_is_a_change(project: Project, release: ReleaseCommand) -> None:
    (project.path / "services/web/web/code.py").unlink()
    assert release(project, "check").code == 3


@pytest.mark.parametrize("path", ["services/annotate/CHANGELOG.md", "services/annotate/README.md", "docs/x.md"])
def test_what_is_not_packaged_needs_no_version(project: Project, release: ReleaseCommand, path: str) -> None:
    project.write(path, (project.read(path) if (project.path / path).exists() else "") + "words\n")
    assert release(project, "check").code == 0


def test_files_that_git_ignores_are_no_change(project: Project, release: ReleaseCommand) -> None:
    project.write("services/annotate/annotate/__pycache__/code.pyc", "")
    assert release(project, "check").code == 0


def test_a_change_of_a_bundled_package_is_told_and_not_refused(project: Project, release: ReleaseCommand) -> None:
    project.change("imaging", "Open more pictures")
    ran = release(project, "check")
    assert ran.code == 0
    assert "annotate takes changes of imaging with its next release" in ran.out
    assert "web takes" not in ran.out


def test_a_change_of_the_catalogue_needs_a_release_of_the_catalogue_alone(
    project: Project, release: ReleaseCommand
) -> None:
    project.change("catalog", "Search faster")
    ran = release(project, "check")
    assert ran.code == 3
    assert [line.split()[1] for line in ran.err.splitlines()] == ["catalog"]
    release(project, "bump", "catalog")
    assert release(project, "check").code == 0


@pytest.mark.parametrize("changelog", [None, "# web\n", "# web\n\n## 0.1.40 - 2026-01-01\n"])
def test_a_version_needs_a_section_in_the_changelog(
    project: Project, release: ReleaseCommand, changelog: str | None
) -> None:
    if changelog is None:
        (project.path / "services/web/CHANGELOG.md").unlink()
    else:
        project.write("services/web/CHANGELOG.md", changelog)
    ran = release(project, "check")
    assert ran.code == 3
    assert "services/web/CHANGELOG.md has no section for 0.1.4" in ran.err


def test_a_new_version_is_above_those_before(project: Project, release: ReleaseCommand) -> None:
    for path in ("services/web/pyproject.toml", "services/web/CHANGELOG.md", STAGING, PRODUCTION):
        project.write(path, project.read(path).replace("0.1.4", "0.1.3"))
    ran = release(project, "check")
    assert ran.code == 3
    assert "web 0.1.3 would follow web 0.1.4: make release SERVICE=web" in ran.err


def test_a_pin_is_a_tagged_version_or_that_of_the_work_tree(project: Project, release: ReleaseCommand) -> None:
    project.write(PRODUCTION, project.read(PRODUCTION).replace("annotate: 0.2.0", "annotate: 0.2.7"))
    ran = release(project, "check")
    assert ran.code == 3
    assert f"{PRODUCTION}: annotate 0.2.7 is neither tagged nor the version of services/annotate" in ran.err


def test_a_pinned_catalogue_must_not_be_older_than_a_bundled_one(project: Project, release: ReleaseCommand) -> None:
    project.change("catalog", "Search faster")
    release(project, "bump", "catalog")
    project.commit("Release catalog 0.3.1")
    release(project, "bump", "annotate")
    project.commit("Release annotate 0.2.1")
    assert release(project, "check").code == 0
    release(project, "tag")
    project.write(PRODUCTION, project.read(PRODUCTION).replace("annotate: 0.2.0", "annotate: 0.2.1"))
    ran = release(project, "check")
    assert ran.code == 3
    assert ran.err == (
        f"release: {PRODUCTION}: annotate 0.2.1 bundles catalog 0.3.1, but catalog 0.3.0 is pinned, "
        "which lacks its migrations\n"
    )
    project.write(PRODUCTION, project.read(PRODUCTION).replace("catalog: 0.3.0", "catalog: 0.3.1"))
    assert release(project, "check").code == 0


def test_the_second_of_two_branches_with_one_version_is_refused_once_the_first_is_tagged(
    project: Project, release: ReleaseCommand
) -> None:
    for branch, message in (("one", "Ask again"), ("two", "Ask never")):
        project.git("switch", "--quiet", "--create", branch, "main")
        project.write(f"services/annotate/annotate/{branch}.py", "")
        project.commit(message)
        release(project, "bump", "annotate")
        project.commit("Release annotate 0.2.1")
        assert release(project, "check").code == 0
    project.git("switch", "--quiet", "main")
    project.git("merge", "--quiet", "--no-ff", "--message", "Merge one", "one")
    release(project, "tag")
    project.git("switch", "--quiet", "two")
    assert release(project, "check").code == 3
    project.git("merge", "--quiet", "--strategy-option", "theirs", "--message", "Merge main", "main")
    ran = release(project, "check")
    assert ran.code == 3
    assert "annotate changed since annotate-v0.2.1 (services/annotate/annotate/two.py)" in ran.err
    release(project, "bump", "annotate")
    project.commit("Release annotate 0.2.2")
    assert release(project, "check").code == 0
    changelog = project.read("services/annotate/CHANGELOG.md")
    assert changelog.index("## 0.2.2") < changelog.index("- Ask never") < changelog.index("## 0.2.1")


def test_a_revert_of_a_release_is_in_order(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    project.commit("Release annotate 0.2.1")
    release(project, "tag")
    project.git("revert", "--no-edit", "HEAD", "HEAD~1")
    assert release(project, "check").code == 0


def test_a_revert_that_leaves_the_version_is_refused(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    project.commit("Release annotate 0.2.1")
    release(project, "tag")
    project.git("revert", "--no-edit", "HEAD~1")
    assert release(project, "check").code == 3


def test_a_shallow_clone_says_what_to_fetch(project: Project, release: ReleaseCommand) -> None:
    shallow = Project(project.path.with_name("shallow"))
    project.git("clone", "--quiet", "--depth", "1", f"file://{project.path}", str(shallow.path))
    ran = release(shallow, "check")
    assert ran.code == 1
    assert "git fetch --unshallow --tags" in ran.err


def test_a_clone_without_tags_says_what_to_fetch(project: Project, release: ReleaseCommand) -> None:
    clone = Project(project.path.with_name("clone"))
    project.git("clone", "--quiet", "--no-tags", str(project.path), str(clone.path))
    ran = release(clone, "check")
    assert ran.code == 1
    assert "this clone has not: git fetch --tags" in ran.err


@pytest.mark.parametrize(
    ("pins", "complaint"),
    [
        ("versions: {web: 0.2}\n", "versions.web must be a version of three numbers such as 0.2.1, not '0.2'"),
        ("versions: {web: 0.01.4}\n", "versions.web must be a version of three numbers"),
        ("versions: {shop: 0.1.4}\n", "pins shop, which is no service; there is: annotate, catalog, web"),
        ("versions: {web: 0.1.4, web: 0.1.4}\n", "versions must name each service once"),
        ("versions: 0.1.4\n", "versions must stand there once, as a mapping"),
        ("versions: [\n", "is not YAML"),
        ("- versions\n", "must be a mapping"),
    ],
)
def test_a_wrong_pin_is_named_with_its_file(
    project: Project, release: ReleaseCommand, pins: str, complaint: str
) -> None:
    project.write(STAGING, pins)
    ran = release(project, "check")
    assert ran.code == 1
    assert ran.err.startswith(f"release: {STAGING}")
    assert complaint in ran.err
