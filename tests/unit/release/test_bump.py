"""`make release`: the next version of a service, its changelog, and its pin in staging."""

import re
from datetime import datetime

import pytest

from support.versioned_project import STAGING, Project


def version(project: Project, service: str = "annotate") -> str:
    found = re.search(r'version = "(.*)"', project.read(f"services/{service}/pyproject.toml"))
    assert found
    return found[1]


def newest_section(project: Project, service: str = "annotate") -> str:
    return project.read(f"services/{service}/CHANGELOG.md").split("\n## ")[1]


@pytest.mark.parametrize(
    ("message", "options", "next_version"),
    [
        ("Ask again after a pause", [], "0.2.1"),
        ("fix: ask again", [], "0.2.1"),
        ("chore(annotate): move a line", [], "0.2.1"),
        ("feat: name the colours", [], "0.3.0"),
        ("feat!: answer in one language", [], "0.3.0"),
        ("Answer in one language\n\nShorter.\n\nBREAKING CHANGE: tags are English", [], "0.3.0"),
        ("Say what a BREAKING CHANGE: is", [], "0.2.1"),
        ("feat: name the colours", ["--bump", "major"], "1.0.0"),
        ("feat: name the colours", ["--bump", "minor"], "0.3.0"),
        ("feat: name the colours", ["--bump", "patch"], "0.2.1"),
    ],
)
def test_commits_or_the_option_bump_decide_the_next_version(
    project: Project, message: str, options: list[str], next_version: str
) -> None:
    project.change("annotate", message)
    project.release("bump", "annotate", *options)
    assert version(project) == next_version


def test_from_1_0_a_breaking_change_increases_the_major_version(project: Project) -> None:
    project.change("annotate", "Say that it is stable")
    project.git("tag", "annotate-v1.0.0")
    project.change("annotate", "feat: name the colours")
    project.change("annotate", "Answer in one language\n\nBREAKING CHANGE: tags are English")
    project.release("bump", "annotate")
    assert version(project) == "2.0.0"


def test_a_release_changes_the_version_the_changelog_and_the_pin_of_staging(project: Project) -> None:
    before = project.read(STAGING)
    project.change("annotate", "fix(gemini): ask again after a pause")
    ran = project.release("bump", "annotate")
    today = datetime.now().astimezone().date()
    assert project.read("services/annotate/CHANGELOG.md") == (
        f"# annotate\n\n## 0.2.1 - {today}\n\n- Ask again after a pause\n\n"
        "It bundles catalog 0.3.0 and imaging 0.1.0.\n\n## 0.2.0 - 2026-01-01\n\n- First release.\n"
    )
    assert project.read(STAGING) == before.replace("annotate: 0.2.0", "annotate: 0.2.1")
    assert project.git("diff", "--name-only").split() == [
        STAGING,
        "services/annotate/CHANGELOG.md",
        "services/annotate/pyproject.toml",
    ]
    assert "annotate: 0.2.0 -> 0.2.1" in ran.stdout
    assert 'git commit -m "Release annotate 0.2.1"' in ran.stdout


def test_the_section_lists_only_changes_of_the_package(project: Project) -> None:
    project.change("annotate", "Ask again")
    project.change("web", "Show the colours")
    project.write("docs/notes.md", "Words")
    project.commit("Write notes")
    project.change("imaging", "Open more pictures")
    project.change_and_bump("catalog", "Search faster")
    project.release("bump", "annotate")
    assert newest_section(project).splitlines()[2:] == [
        "- Ask again",
        "- Open more pictures",
        "- Search faster",
        "",
        "It bundles catalog 0.3.1 and imaging 0.1.0.",
    ]
    assert "bundles" not in newest_section(project, "catalog")


def test_markdown_in_subjects_is_escaped(project: Project) -> None:
    project.change("annotate", "Keep *stars*, get_env, `ticks`, <b>, [a](b) & {{ braces }}\n\nAnd a body.")
    project.change("annotate", "1. of many")
    project.change("annotate", "- a dash")
    project.change("annotate", "feat!: Änderung für alle")
    project.release("bump", "annotate")
    assert newest_section(project).splitlines()[2:6] == [
        r"- Keep \*stars\*, get\_env, \`ticks\`, \<b\>, \[a\](b) \& {{ braces }}",
        r"- 1\. of many",
        r"- \- a dash",
        "- **Breaking:** Änderung für alle",
    ]


def test_merges_and_releases_are_not_listed(project: Project) -> None:
    project.git("switch", "--quiet", "--create", "topic")
    project.change("annotate", "Ask again")
    project.git("switch", "--quiet", "main")
    project.change("annotate", "Release annotate 0.2.1")
    project.change("annotate", 'Revert "Release annotate 0.2.1"')
    project.change("web", "Show the colours")
    project.git("merge", "--quiet", "--no-ff", "--strategy-option", "ours", "--message", "Merge topic", "topic")
    project.release("bump", "annotate")
    assert [line for line in newest_section(project).splitlines() if line.startswith("-")] == ["- Ask again"]


def test_changes_without_listed_commits_are_described_by_their_package(project: Project) -> None:
    project.write("services/catalog/catalog/code.py", "second = 2\n")
    project.write(
        "services/catalog/pyproject.toml", project.read("services/catalog/pyproject.toml").replace("3.0", "3.1")
    )
    project.commit("Release catalog 0.3.1 (#7)")  # squashed: the change is in it, too
    project.release("bump", "web")
    assert newest_section(project, "web").splitlines()[2:] == ["- Changes of catalog.", "", "It bundles catalog 0.3.1."]


def test_bump_is_idempotent_and_includes_later_commits(project: Project) -> None:
    project.change("annotate", "Ask again")
    project.release("bump", "annotate")
    project.release("bump", "annotate")  # before the commit, too
    project.commit("Release annotate 0.2.1")
    project.change("annotate", "feat: name the colours")
    project.release("bump", "annotate")
    assert version(project) == "0.3.0"
    changelog = project.read("services/annotate/CHANGELOG.md")
    assert re.findall("^## ([0-9.]+)", changelog, re.MULTILINE) == ["0.3.0", "0.2.0"]
    assert "- Ask again\n- Name the colours\n" in changelog
    assert "annotate: 0.3.0" in project.read(STAGING)


def test_an_uncommitted_edit_of_the_changelog_is_not_lost(project: Project) -> None:
    changelog = "services/annotate/CHANGELOG.md"
    project.change("annotate", "Ask again")
    project.release("bump", "annotate")
    project.write(changelog, project.read(changelog).replace("- Ask again", "- Gemini is asked again after a pause."))
    ran = project.release("bump", "annotate", "--bump", "minor", code=1)
    assert f"commit {changelog} first: its section of 0.2.1 was edited" in ran.stderr
    assert "Gemini is asked again" in project.read(changelog)
    project.commit("Release annotate 0.2.1")
    project.release("bump", "annotate", "--bump", "minor")


def test_a_changelog_keeps_its_line_endings(project: Project) -> None:
    changelog = project.path / "services/annotate/CHANGELOG.md"
    changelog.write_bytes(changelog.read_bytes().replace(b"\n", b"\r\n"))
    project.change_and_bump("annotate")
    project.change("annotate", "Ask once more")
    project.release("bump", "annotate")
    text = changelog.read_bytes()
    assert text.count(b"## 0.2.") == 2
    assert text.count(b"\n") == text.count(b"\r\n")
    project.release("check")


def test_the_first_release_has_the_current_version(untagged: Project) -> None:
    (untagged.path / "services/web/CHANGELOG.md").unlink()
    untagged.commit("feat: everything")
    untagged.release("bump", "web")
    assert version(untagged, "web") == "0.1.4"
    assert "- First release." in newest_section(untagged, "web")
    assert "run this without BUMP=" in untagged.release("bump", "web", "--bump", "minor", code=1).stderr


def test_an_existing_section_of_the_first_release_is_kept(untagged: Project) -> None:
    before = untagged.read("services/web/CHANGELOG.md")
    untagged.release("bump", "web")
    assert untagged.read("services/web/CHANGELOG.md") == before


def test_after_a_revert_the_next_version_is_still_higher(project: Project) -> None:
    project.change_and_bump("annotate")
    project.release("tag")
    project.git("revert", "--no-edit", "HEAD", "HEAD~1")
    assert version(project) == "0.2.0"
    project.change("annotate", "Ask again, but later")
    project.release("bump", "annotate")
    assert version(project) == "0.2.2"


def test_versions_are_compared_numerically(project: Project) -> None:
    for tag in ("annotate-v0.10.0", "annotate-v0.9.0", "annotate-v0.11.0-rc1", "annotate-vague"):
        project.change("annotate", tag)
        project.git("tag", tag)
    project.change("annotate", "Ask again")
    project.release("bump", "annotate")
    assert version(project) == "0.10.1"


def test_a_tag_on_a_merge_commit_counts(project: Project) -> None:
    project.git("switch", "--quiet", "--create", "topic")
    project.change("annotate", "feat: name the colours")
    project.git("switch", "--quiet", "main")
    project.change("web", "Show the colours")
    project.git("merge", "--quiet", "--no-ff", "--message", "Merge topic", "topic")
    project.git("tag", "annotate-v0.3.0")
    project.change("annotate", "Ask again")
    project.release("bump", "annotate")
    assert version(project) == "0.3.1"
    assert "colours" not in newest_section(project)


def test_an_unchanged_service_is_not_released_without_bump(project: Project) -> None:
    project.change("web", "Show the colours")
    ran = project.release("bump", "annotate", code=1)
    assert "the content of the annotate package has not changed since annotate-v0.2.0" in ran.stderr
    project.release("bump", "annotate", "--bump", "patch")
    assert "- Rebuilt without changes." in newest_section(project)


def test_a_reverted_change_is_no_change(project: Project) -> None:
    project.change("annotate", "Ask again")
    project.git("revert", "--no-edit", "HEAD")
    project.release("bump", "annotate", code=1)


def test_uncommitted_changes_are_refused(project: Project) -> None:
    project.change("annotate", "Ask again")
    project.write("services/imaging/imaging/new.py", "")
    ran = project.release("bump", "annotate", code=1)
    assert "commit these first: services/imaging/imaging/new.py" in ran.stderr
    assert version(project) == "0.2.0"


def test_a_bundled_service_must_be_released_first(project: Project) -> None:
    project.change("catalog", "Search faster")
    assert "make release SERVICE=catalog first" in project.release("bump", "annotate", code=1).stderr


def test_the_version_of_another_branch_is_not_used_again(project: Project) -> None:
    project.git("switch", "--quiet", "--create", "other")
    project.change_and_bump("annotate", "Ask never")
    project.release("tag")
    project.git("switch", "--quiet", "main")
    project.change("annotate", "Ask again")
    ran = project.release("bump", "annotate", code=1)
    assert "annotate-v0.2.1 already exists outside the history of HEAD: merge main" in ran.stderr


def test_tags_of_origin_must_be_fetched_first(project: Project, origin: Project) -> None:
    origin.git("tag", "annotate-v0.2.1", "main")
    project.change("annotate", "Ask again")
    ran = project.release("bump", "annotate", code=1)
    assert "origin has annotate-v0.2.1, but this clone does not: git fetch --tags" in ran.stderr


@pytest.mark.parametrize("command", ["remote add origin missing", "switch --quiet --detach"])
def test_a_release_needs_neither_a_network_nor_a_branch(project: Project, command: str) -> None:
    project.change("annotate", "Ask again")
    project.git(*command.split())
    project.release("bump", "annotate")


def test_an_unknown_service_lists_the_available_ones(project: Project) -> None:
    ran = project.release("bump", "imaging", code=1)
    assert "unknown service 'imaging'; available: annotate, catalog, web" in ran.stderr


def test_nothing_is_written_if_staging_has_no_pin(project: Project) -> None:
    project.write(STAGING, "region: eu-central-1\n")
    project.change("annotate", "Ask again")
    assert f"{STAGING} pins no version of annotate" in project.release("bump", "annotate", code=1).stderr
    assert project.git("status", "--short") == ""


def test_a_version_must_be_three_numbers(project: Project) -> None:
    project.write("services/web/pyproject.toml", '[project]\nversion = "0.2"\n[tool.package]\nbundles = ["web"]\n')
    ran = project.release("bump", "web", code=1)
    assert "services/web/pyproject.toml: project.version must be a version of three numbers" in ran.stderr


def test_only_the_version_of_the_project_is_changed(project: Project) -> None:
    path = project.path / "services/annotate/pyproject.toml"
    before = (
        b"[tool.x]\nversion = \"0.2.0\"\n\n[project]  # a service\n  version = '0.2.0' # see CHANGELOG.md\r\n"
        b'[tool.package]\nbundles = ["catalog", "imaging", "annotate"]'
    )
    path.write_bytes(before)
    project.commit("Order the file")
    project.release("bump", "annotate")
    assert path.read_bytes() == before.replace(b"'0.2.0'", b"'0.2.1'")
