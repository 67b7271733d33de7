"""`make versions`: changed services have new versions, and environments pin compatible versions."""

import pytest

from support.versioned_project import PRODUCTION, STAGING, Project


@pytest.mark.parametrize("name", ["project", "untagged"])
def test_unchanged_versions_are_valid_with_and_without_tags(name: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(name).release("check")


@pytest.mark.parametrize(
    "path",
    ["annotate/code.py", "annotate/new.py", "annotate/templates/page.html", "pyproject.toml", "requirements.txt"],
)
def test_a_changed_service_needs_a_new_version(project: Project, path: str) -> None:
    path = f"services/annotate/{path}"
    project.write(path, (project.read(path) if (project.path / path).exists() else "") + "# changed\n")
    ran = project.release("check", code=3)
    assert ran.stderr == f"release: annotate changed since annotate-v0.2.0 ({path}): make release SERVICE=annotate\n"
    project.commit("Change it")
    project.release("check", code=3)
    project.release("bump", "annotate")
    project.release("check")


def test_a_deleted_file_is_a_change(project: Project) -> None:
    (project.path / "services/web/web/code.py").unlink()
    project.release("check", code=3)


@pytest.mark.parametrize("path", ["services/annotate/CHANGELOG.md", "services/annotate/README.md", "docs/x.md"])
def test_a_file_outside_the_package_needs_no_version(project: Project, path: str) -> None:
    project.write(path, (project.read(path) if (project.path / path).exists() else "") + "words\n")
    project.release("check")


def test_ignored_files_are_no_change(project: Project) -> None:
    project.write("services/annotate/annotate/__pycache__/code.pyc", "")
    project.release("check")


def test_a_change_of_a_bundled_package_is_reported_but_not_refused(project: Project) -> None:
    project.change("imaging", "Open more pictures")
    ran = project.release("check")
    assert "annotate will include changes of imaging in its next release" in ran.stdout
    assert "web will" not in ran.stdout


def test_a_change_of_the_catalog_needs_a_release_of_only_the_catalog(project: Project) -> None:
    project.change("catalog", "Search faster")
    assert [line.split()[1] for line in project.release("check", code=3).stderr.splitlines()] == ["catalog"]
    project.release("bump", "catalog")
    project.release("check")


@pytest.mark.parametrize("changelog", [None, "# web\n", "# web\n\n## 0.1.40 - 2026-01-01\n"])
def test_a_version_needs_a_section_in_the_changelog(project: Project, changelog: str | None) -> None:
    if changelog is None:
        (project.path / "services/web/CHANGELOG.md").unlink()
    else:
        project.write("services/web/CHANGELOG.md", changelog)
    assert "services/web/CHANGELOG.md has no section for 0.1.4" in project.release("check", code=3).stderr


def test_a_version_must_not_be_older_than_a_released_one(project: Project) -> None:
    for path in ("services/web/pyproject.toml", "services/web/CHANGELOG.md", STAGING, PRODUCTION):
        project.write(path, project.read(path).replace("0.1.4", "0.1.3"))
    assert "web 0.1.3 is older than the released 0.1.4: make release" in project.release("check", code=3).stderr


def test_a_pin_must_be_tagged_or_the_version_of_the_work_tree(project: Project) -> None:
    project.write(PRODUCTION, project.read(PRODUCTION).replace("annotate: 0.2.0", "annotate: 0.2.7"))
    ran = project.release("check", code=3)
    assert f"{PRODUCTION}: annotate 0.2.7 is neither tagged nor the version of services/annotate" in ran.stderr


def test_a_pinned_catalog_must_not_be_older_than_a_bundled_one(project: Project) -> None:
    project.change_and_bump("catalog")
    project.bump("annotate")
    project.release("check")
    project.release("tag")
    project.write(PRODUCTION, project.read(PRODUCTION).replace("annotate: 0.2.0", "annotate: 0.2.1"))
    assert project.release("check", code=3).stderr == (
        f"release: {PRODUCTION}: annotate 0.2.1 bundles catalog 0.3.1, but catalog 0.3.0 is pinned, "
        "which lacks its migrations\n"
    )
    project.write(PRODUCTION, project.read(PRODUCTION).replace("catalog: 0.3.0", "catalog: 0.3.1"))
    project.release("check")


def test_of_two_branches_with_the_same_version_the_second_is_refused_after_the_first_is_tagged(
    project: Project,
) -> None:
    for branch, message in (("one", "Ask again"), ("two", "Ask never")):
        project.git("switch", "--quiet", "--create", branch, "main")
        project.write(f"services/annotate/annotate/{branch}.py", "")
        project.commit(message)
        project.bump("annotate")
        project.release("check")
    project.git("switch", "--quiet", "main")
    project.git("merge", "--quiet", "--no-ff", "--message", "Merge one", "one")
    project.release("tag")
    project.git("switch", "--quiet", "two")
    project.release("check", code=3)
    project.git("merge", "--quiet", "--strategy-option", "theirs", "--message", "Merge main", "main")
    ran = project.release("check", code=3)
    assert "annotate changed since annotate-v0.2.1 (services/annotate/annotate/two.py)" in ran.stderr
    project.bump("annotate")
    project.release("check")
    changelog = project.read("services/annotate/CHANGELOG.md")
    assert changelog.index("## 0.2.2") < changelog.index("- Ask never") < changelog.index("## 0.2.1")


@pytest.mark.parametrize(("reverted", "code"), [(["HEAD", "HEAD~1"], 0), (["HEAD~1"], 3)])
def test_a_revert_of_a_change_must_include_its_version(project: Project, reverted: list[str], code: int) -> None:
    project.change_and_bump("annotate")
    project.release("tag")
    project.git("revert", "--no-edit", *reverted)
    project.release("check", code=code)


@pytest.mark.parametrize(
    ("options", "hint"),
    [(["--depth", "1"], "git fetch --unshallow --tags"), (["--no-tags"], "this clone does not: git fetch --tags")],
)
def test_an_incomplete_clone_is_refused_with_a_hint(project: Project, options: list[str], hint: str) -> None:
    clone = Project(project.path.with_name("clone"))
    project.git("clone", "--quiet", *options, f"file://{project.path}", str(clone.path))
    assert hint in clone.release("check", code=1).stderr


@pytest.mark.parametrize(
    ("pins", "message"),
    [
        ("versions: {web: 0.2}\n", "versions.web must be a version of three numbers such as 0.2.1, not '0.2'"),
        ("versions: {web: 0.01.4}\n", "versions.web must be a version of three numbers"),
        ("versions: {shop: 0.1.4}\n", "pins the unknown service 'shop'; available: annotate, catalog, web"),
        ("versions: {web: 0.1.4, web: 0.1.4}\n", "versions must contain each service once"),
        ("versions: 0.1.4\n", "versions must be one mapping"),
        ("versions: [\n", "is not valid YAML"),
        ("- versions\n", "must be a mapping"),
    ],
)
def test_an_invalid_pin_is_reported_with_its_file(project: Project, pins: str, message: str) -> None:
    project.write(STAGING, pins)
    ran = project.release("check", code=1)
    assert ran.stderr.startswith(f"release: {STAGING}")
    assert message in ran.stderr
