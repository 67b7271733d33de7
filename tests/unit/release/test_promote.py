"""`make promote`: the versions of one environment, pinned in another one."""

from datetime import date
from pathlib import Path

import pytest

from release.bump import bump
from release.repository import Repository
from release.tag import tag_versions
from support.versioned_project import PRODUCTION, STAGING, Project, ReleaseCommand

FORWARD = ("--from", "staging", "--to", "production")
BACKWARD = ("--from", "production", "--to", "staging")


@pytest.fixture(scope="module")
def _released(_tagged: Project) -> Project:
    project = _tagged.copy(_tagged.path.with_name("released"))
    for service in ("catalog", "annotate"):
        project.change(service, "Change it")
        bump(Repository(project.path), service, None, date(2026, 1, 2))
        project.commit("Release it")
    tag_versions(Repository(project.path))
    return project


@pytest.fixture
def released(_released: Project, tmp_path: Path) -> Project:
    """Tagged, and pinned in staging: catalog 0.3.1, and annotate 0.2.1, which bundles it."""
    return _released.copy(tmp_path / "project")


def test_a_version_is_pinned_where_it_is_promoted_to(released: Project, release: ReleaseCommand) -> None:
    before = released.read(PRODUCTION)
    ran = release(released, "promote", "catalog", *FORWARD)
    assert (ran.code, ran.out) == (0, "catalog: 0.3.0 -> 0.3.1 in production\n")
    assert released.read(PRODUCTION) == before.replace("catalog: 0.3.0", "catalog: 0.3.1")


def test_without_a_service_all_are_promoted(released: Project, release: ReleaseCommand) -> None:
    ran = release(released, "promote", *FORWARD)
    assert ran.out == "annotate: 0.2.0 -> 0.2.1 in production\ncatalog: 0.3.0 -> 0.3.1 in production\n"
    assert released.read(PRODUCTION) == released.read(STAGING)
    assert release(released, "check").code == 0


def test_what_is_pinned_already_changes_nothing(released: Project, release: ReleaseCommand) -> None:
    ran = release(released, "promote", "web", *FORWARD)
    assert (ran.code, ran.out) == (0, "Nothing changes: production pins that already.\n")
    assert released.git("status", "--short") == ""


def test_the_same_command_backwards_rolls_back(released: Project, release: ReleaseCommand) -> None:
    ran = release(released, "promote", *BACKWARD)
    assert ran.out == "annotate: 0.2.1 -> 0.2.0 in staging\ncatalog: 0.3.1 -> 0.3.0 in staging\n"
    assert release(released, "check").code == 0


def test_a_service_waits_for_the_catalogue_that_it_bundles(released: Project, release: ReleaseCommand) -> None:
    ran = release(released, "promote", "annotate", *FORWARD)
    assert ran.code == 3
    assert "annotate 0.2.1 bundles catalog 0.3.1, but catalog 0.3.0 is pinned" in ran.err
    assert "move catalog first (make promote SERVICE=catalog FROM=staging TO=production)" in ran.err
    assert released.git("status", "--short") == ""
    release(released, "promote", "catalog", *FORWARD)
    assert release(released, "promote", "annotate", *FORWARD).code == 0


def test_the_catalogue_rolls_back_after_those_that_bundle_it(released: Project, release: ReleaseCommand) -> None:
    ran = release(released, "promote", "catalog", *BACKWARD)
    assert ran.code == 3
    assert "move annotate first (make promote SERVICE=annotate FROM=production TO=staging)" in ran.err
    release(released, "promote", "annotate", *BACKWARD)
    assert release(released, "promote", "catalog", *BACKWARD).code == 0


def test_a_version_that_was_never_tagged_is_not_promoted(released: Project, release: ReleaseCommand) -> None:
    released.write(STAGING, released.read(STAGING).replace("0.1.4", "0.9.9"))
    ran = release(released, "promote", "web", *FORWARD)
    assert ran.code == 3
    assert "web 0.9.9 is neither tagged nor the version of services/web" in ran.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--from", "staging", "--to", "staging"), "FROM and TO are both 'staging'"),
        (("--from", "staging", "--to", "moon"), "there is no environment 'moon'; there is: local, production, staging"),
        (("--from", "../staging", "--to", "production"), "there is no environment '../staging'"),
        (("--from", "local", "--to", "production"), "local.yaml has no versions"),
        (("--from", "staging", "--to", "local"), "local.yaml has no versions"),
        (("shop", *FORWARD), "there is no service 'shop'; there is: annotate, catalog, web"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(
    project: Project, release: ReleaseCommand, arguments: tuple[str, ...], complaint: str
) -> None:
    ran = release(project, "promote", *arguments)
    assert ran.code == 1
    assert complaint in ran.err


def test_a_service_that_one_of_them_does_not_pin_is_named(project: Project, release: ReleaseCommand) -> None:
    project.write(PRODUCTION, project.read(PRODUCTION).replace("  web: 0.1.4 # the gallery\n", ""))
    forwards = release(project, "promote", *FORWARD)
    assert forwards.code == 1
    assert f"{PRODUCTION} pins no version of web: write web: 0.1.4 below versions:" in forwards.err
    backwards = release(project, "promote", "web", *BACKWARD)
    assert backwards.code == 1
    assert f"{PRODUCTION} pins no version of web" in backwards.err
