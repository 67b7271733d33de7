"""`make release`: the next version of a service, its changelog, and its pin in staging."""

import re
from datetime import datetime

import pytest

from support.versioned_project import PRODUCTION, STAGING, Project, ReleaseCommand


def version(project: Project, service: str = "annotate") -> str:
    found = re.search(r'version = "(.*)"', project.read(f"services/{service}/pyproject.toml"))
    assert found
    return found[1]


def newest_section(project: Project, service: str = "annotate") -> str:
    return project.read(f"services/{service}/CHANGELOG.md").split("\n## ")[1]


@pytest.mark.parametrize(
    ("message", "next_version"),
    [
        ("Ask again after a pause", "0.2.1"),
        ("fix: ask again", "0.2.1"),
        ("chore(annotate): move a line", "0.2.1"),
        ("feat: name the colours", "0.3.0"),
        ("feat!: answer in one language", "0.3.0"),
        ("Answer in one language\n\nShorter.\n\nBREAKING CHANGE: tags are English", "0.3.0"),
        ("Say what a BREAKING CHANGE: is", "0.2.1"),
    ],
)
def test_commits_decide_the_next_version(
    project: Project, release: ReleaseCommand, message: str, next_version: str
) -> None:
    project.change("annotate", message)
    assert release(project, "bump", "annotate").code == 0
    assert version(project) == next_version


def test_from_1_0_a_breaking_change_moves_the_major_version(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Say that it is stable")
    project.git("tag", "annotate-v1.0.0")
    project.change("annotate", "feat: name the colours")
    project.change("annotate", "Answer in one language\n\nBREAKING CHANGE: tags are English")
    release(project, "bump", "annotate")
    assert version(project) == "2.0.0"


@pytest.mark.parametrize(("part", "next_version"), [("major", "1.0.0"), ("minor", "0.3.0"), ("patch", "0.2.1")])
def test_a_person_may_decide_what_moves(
    project: Project, release: ReleaseCommand, part: str, next_version: str
) -> None:
    project.change("annotate", "feat: name the colours")
    release(project, "bump", "annotate", "--bump", part)
    assert version(project) == next_version


def test_a_release_is_the_version_a_section_and_the_pin_of_staging(project: Project, release: ReleaseCommand) -> None:
    before = project.read(STAGING)
    project.change("annotate", "fix(gemini): ask again after a pause")
    ran = release(project, "bump", "annotate")
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
    assert "annotate: 0.2.0 -> 0.2.1" in ran.out
    assert 'git commit -m "Release annotate 0.2.1"' in ran.out


def test_the_section_tells_what_the_package_contains_and_nothing_else(
    project: Project, release: ReleaseCommand
) -> None:
    project.change("annotate", "Ask again")
    project.change("web", "Show the colours")
    project.write("docs/notes.md", "Words")
    project.commit("Write notes")
    project.change("imaging", "Open more pictures")
    project.change("catalog", "Search faster")
    release(project, "bump", "catalog")
    project.commit("Release catalog 0.3.1")
    release(project, "bump", "annotate")
    assert newest_section(project).splitlines()[2:] == [
        "- Ask again",
        "- Open more pictures",
        "- Search faster",
        "",
        "It bundles catalog 0.3.1 and imaging 0.1.0.",
    ]
    assert "bundles" not in newest_section(project, "catalog")


def test_a_subject_is_words_not_markdown(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Keep *stars*, get_env, `ticks`, <b>, [a](b) & {{ braces }}\n\nAnd a body.")
    project.change("annotate", "1. of many")
    project.change("annotate", "- a dash")
    project.change("annotate", "feat!: Änderung für alle")
    release(project, "bump", "annotate")
    assert newest_section(project).splitlines()[2:6] == [
        r"- Keep \*stars\*, get\_env, \`ticks\`, \<b\>, \[a\](b) \& {{ braces }}",
        r"- 1\. of many",
        r"- \- a dash",
        "- **Breaking:** Änderung für alle",
    ]


def test_merges_and_releases_are_no_news(project: Project, release: ReleaseCommand) -> None:
    project.git("switch", "--quiet", "--create", "topic")
    project.change("annotate", "Ask again")
    project.git("switch", "--quiet", "main")
    project.change("annotate", "Release annotate 0.2.1")
    project.change("annotate", 'Revert "Release annotate 0.2.1"')
    project.change("web", "Show the colours")
    project.git("merge", "--quiet", "--no-ff", "--strategy-option", "ours", "--message", "Merge topic", "topic")
    release(project, "bump", "annotate")
    assert [line for line in newest_section(project).splitlines() if line.startswith("-")] == ["- Ask again"]


def test_changes_whose_commits_tell_nothing_are_named_by_their_package(
    project: Project, release: ReleaseCommand
) -> None:
    project.write("services/catalog/catalog/code.py", "second = 2\n")
    project.write(
        "services/catalog/pyproject.toml", project.read("services/catalog/pyproject.toml").replace("3.0", "3.1")
    )
    project.commit("Release catalog 0.3.1 (#7)")  # squashed: the change is in it, too
    release(project, "bump", "web")
    assert newest_section(project, "web").splitlines()[2:] == ["- Changes of catalog.", "", "It bundles catalog 0.3.1."]


def test_again_in_the_same_branch_it_is_worked_out_anew(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    assert release(project, "bump", "annotate").code == 0  # before the commit, too
    project.commit("Release annotate 0.2.1")
    project.change("annotate", "feat: name the colours")
    release(project, "bump", "annotate")
    assert version(project) == "0.3.0"
    changelog = project.read("services/annotate/CHANGELOG.md")
    assert re.findall("^## ([0-9.]+)", changelog, re.MULTILINE) == ["0.3.0", "0.2.0"]
    assert "- Ask again\n- Name the colours\n" in changelog
    assert "annotate: 0.3.0" in project.read(STAGING)


def test_words_of_a_person_that_git_does_not_have_are_not_lost(project: Project, release: ReleaseCommand) -> None:
    changelog = "services/annotate/CHANGELOG.md"
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    project.write(changelog, project.read(changelog).replace("- Ask again", "- Gemini is asked again after a pause."))
    ran = release(project, "bump", "annotate", "--bump", "minor")
    assert ran.code == 1
    assert f"{changelog}: commit that first; its section of 0.2.1 is written anew" in ran.err
    assert "Gemini is asked again" in project.read(changelog)
    project.commit("Release annotate 0.2.1")
    assert release(project, "bump", "annotate", "--bump", "minor").code == 0


def test_a_changelog_keeps_its_line_ends(project: Project, release: ReleaseCommand) -> None:
    changelog = project.path / "services/annotate/CHANGELOG.md"
    changelog.write_bytes(changelog.read_bytes().replace(b"\n", b"\r\n"))
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    project.commit("Release annotate 0.2.1")
    project.change("annotate", "Ask once more")
    release(project, "bump", "annotate")
    text = changelog.read_bytes()
    assert text.count(b"## 0.2.") == 2
    assert text.count(b"\n") == text.count(b"\r\n")
    assert release(project, "check").code == 0


def test_the_first_release_is_the_version_as_it_stands(untagged: Project, release: ReleaseCommand) -> None:
    (untagged.path / "services/web/CHANGELOG.md").unlink()
    untagged.commit("feat: everything")
    assert release(untagged, "bump", "web").code == 0
    assert version(untagged, "web") == "0.1.4"
    assert "- First release." in newest_section(untagged, "web")
    again = release(untagged, "bump", "web", "--bump", "minor")
    assert again.code == 1
    assert "run it without BUMP=" in again.err


def test_a_section_that_a_person_wrote_for_the_first_release_stays(untagged: Project, release: ReleaseCommand) -> None:
    before = untagged.read("services/web/CHANGELOG.md")
    release(untagged, "bump", "web")
    assert untagged.read("services/web/CHANGELOG.md") == before


def test_after_a_revert_the_next_version_is_above_the_newest(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    project.commit("Release annotate 0.2.1")
    release(project, "tag")
    project.git("revert", "--no-edit", "HEAD", "HEAD~1")
    assert version(project) == "0.2.0"
    project.change("annotate", "Ask again, but later")
    release(project, "bump", "annotate")
    assert version(project) == "0.2.2"


def test_versions_are_compared_as_numbers(project: Project, release: ReleaseCommand) -> None:
    for tag in ("annotate-v0.10.0", "annotate-v0.9.0", "annotate-v0.11.0-rc1", "annotate-vague"):
        project.change("annotate", tag)
        project.git("tag", tag)
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    assert version(project) == "0.10.1"


def test_a_tag_on_a_merge_that_changes_nothing_itself_counts(project: Project, release: ReleaseCommand) -> None:
    project.git("switch", "--quiet", "--create", "topic")
    project.change("annotate", "feat: name the colours")
    project.git("switch", "--quiet", "main")
    project.change("web", "Show the colours")
    project.git("merge", "--quiet", "--no-ff", "--message", "Merge topic", "topic")
    project.git("tag", "annotate-v0.3.0")
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    assert version(project) == "0.3.1"
    assert "colours" not in newest_section(project)


def test_nothing_is_released_without_a_change(project: Project, release: ReleaseCommand) -> None:
    project.change("web", "Show the colours")
    ran = release(project, "bump", "annotate")
    assert ran.code == 1
    assert "nothing that the package of annotate contains has changed since annotate-v0.2.0" in ran.err
    assert release(project, "bump", "annotate", "--bump", "patch").code == 0
    assert "- Built again: nothing that it contains has changed." in newest_section(project)


def test_a_change_that_was_taken_back_is_none(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Ask again")
    project.git("revert", "--no-edit", "HEAD")
    assert release(project, "bump", "annotate").code == 1


def test_uncommitted_changes_are_committed_first(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Ask again")
    project.write("services/imaging/imaging/new.py", "")
    ran = release(project, "bump", "annotate")
    assert ran.code == 1
    assert "services/imaging/imaging/new.py: commit that first" in ran.err
    assert version(project) == "0.2.0"


def test_what_is_bundled_is_released_first(project: Project, release: ReleaseCommand) -> None:
    project.change("catalog", "Search faster")
    ran = release(project, "bump", "annotate")
    assert ran.code == 1
    assert "make release SERVICE=catalog first" in ran.err


def test_a_version_that_another_branch_took_is_not_taken_again(project: Project, release: ReleaseCommand) -> None:
    project.git("switch", "--quiet", "--create", "other")
    project.change("annotate", "Ask never")
    release(project, "bump", "annotate")
    project.commit("Release annotate 0.2.1")
    release(project, "tag")
    project.git("switch", "--quiet", "main")
    project.change("annotate", "Ask again")
    ran = release(project, "bump", "annotate")
    assert ran.code == 1
    assert "annotate-v0.2.1 exists already, outside the history of HEAD: merge main" in ran.err


def test_tags_of_origin_are_fetched_first(project: Project, origin: Project, release: ReleaseCommand) -> None:
    origin.git("tag", "annotate-v0.2.1", "main")
    project.change("annotate", "Ask again")
    ran = release(project, "bump", "annotate")
    assert ran.code == 1
    assert "origin has annotate-v0.2.1, this clone has not: git fetch --tags" in ran.err


def test_without_a_network_a_release_is_prepared_all_the_same(project: Project, release: ReleaseCommand) -> None:
    project.git("remote", "add", "origin", str(project.path / "away"))
    project.change("annotate", "Ask again")
    assert release(project, "bump", "annotate").code == 0


def test_a_detached_head_is_as_good_as_a_branch(project: Project, release: ReleaseCommand) -> None:
    project.change("annotate", "Ask again")
    project.git("switch", "--quiet", "--detach")
    assert release(project, "bump", "annotate").code == 0


def test_an_unknown_service_is_answered_with_those_there_are(project: Project, release: ReleaseCommand) -> None:
    ran = release(project, "bump", "imaging")
    assert ran.code == 1
    assert "there is no service 'imaging'; there is: annotate, catalog, web" in ran.err


def test_nothing_is_written_when_staging_cannot_be(project: Project, release: ReleaseCommand) -> None:
    project.write(STAGING, "region: eu-central-1\n")
    project.change("annotate", "Ask again")
    ran = release(project, "bump", "annotate")
    assert ran.code == 1
    assert f"{STAGING} pins no version of annotate" in ran.err
    assert project.git("status", "--short") == ""


def test_production_is_left_alone(project: Project, release: ReleaseCommand) -> None:
    before = project.read(PRODUCTION)
    project.change("annotate", "Ask again")
    release(project, "bump", "annotate")
    assert project.read(PRODUCTION) == before


def test_a_version_must_be_three_numbers(project: Project, release: ReleaseCommand) -> None:
    project.write("services/web/pyproject.toml", '[project]\nversion = "0.2"\n[tool.package]\nbundles = ["web"]\n')
    ran = release(project, "bump", "web")
    assert ran.code == 1
    assert "services/web/pyproject.toml: project.version must be a version of three numbers" in ran.err


def test_only_the_version_of_the_project_is_written(project: Project, release: ReleaseCommand) -> None:
    path = project.path / "services/annotate/pyproject.toml"
    before = (
        b"[tool.x]\nversion = \"0.2.0\"\n\n[project]  # a service\n  version = '0.2.0' # see CHANGELOG.md\r\n"
        b'[tool.package]\nbundles = ["catalog", "imaging", "annotate"]'
    )
    path.write_bytes(before)
    project.commit("Order the file")
    release(project, "bump", "annotate")
    assert path.read_bytes() == before.replace(b"'0.2.0'", b"'0.2.1'")
