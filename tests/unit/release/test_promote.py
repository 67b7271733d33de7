"""`make promote`: the versions of one environment are pinned in another."""

from pathlib import Path

import pytest

from support.versioned_project import PRODUCTION, STAGING, Project

FORWARD = ("--from", "staging", "--to", "production")
BACKWARD = ("--from", "production", "--to", "staging")


@pytest.fixture(scope="module")
def _released(_tagged: Project) -> Project:
    project = _tagged.copy(_tagged.path.with_name("released"))
    for service in ("catalog", "annotate"):
        project.change_and_bump(service)
    project.release("tag")
    return project


@pytest.fixture
def released(_released: Project, tmp_path: Path) -> Project:
    """Tagged, and pinned in staging: catalog 0.3.1, and annotate 0.2.1, which bundles it."""
    return _released.copy(tmp_path / "project")


def test_promote_changes_the_pin_of_the_target(released: Project) -> None:
    before = released.read(PRODUCTION)
    assert released.release("promote", "catalog", *FORWARD).stdout == "catalog: 0.3.0 -> 0.3.1 in production\n"
    assert released.read(PRODUCTION) == before.replace("catalog: 0.3.0", "catalog: 0.3.1")


def test_without_a_service_all_services_are_promoted(released: Project) -> None:
    ran = released.release("promote", *FORWARD)
    assert ran.stdout == "annotate: 0.2.0 -> 0.2.1 in production\ncatalog: 0.3.0 -> 0.3.1 in production\n"
    assert released.read(PRODUCTION) == released.read(STAGING)
    released.release("check")


def test_promoting_the_same_version_changes_nothing(released: Project) -> None:
    assert released.release("promote", "web", *FORWARD).stdout == "No changes: production already pins the same.\n"
    assert released.git("status", "--short") == ""


def test_promoting_in_the_other_direction_rolls_back(released: Project) -> None:
    ran = released.release("promote", *BACKWARD)
    assert ran.stdout == "annotate: 0.2.1 -> 0.2.0 in staging\ncatalog: 0.3.1 -> 0.3.0 in staging\n"
    released.release("check")


@pytest.mark.parametrize(
    ("service", "direction", "first", "hint"),
    [
        ("annotate", FORWARD, "catalog", "FROM=staging TO=production"),
        ("catalog", BACKWARD, "annotate", "FROM=production TO=staging"),
    ],
)
def test_a_pinned_catalog_is_never_older_than_a_bundled_one(
    released: Project, service: str, direction: tuple[str, ...], first: str, hint: str
) -> None:
    ran = released.release("promote", service, *direction, code=3)
    assert "annotate 0.2.1 bundles catalog 0.3.1, but catalog 0.3.0 is pinned" in ran.stderr
    assert f"promote {first} first (make promote SERVICE={first} {hint})" in ran.stderr
    assert released.git("status", "--short") == ""
    released.release("promote", first, *direction)
    released.release("promote", service, *direction)


def test_an_untagged_version_is_not_promoted(released: Project) -> None:
    released.write(STAGING, released.read(STAGING).replace("0.1.4", "0.9.9"))
    ran = released.release("promote", "web", *FORWARD, code=3)
    assert "web 0.9.9 is neither tagged nor the version of services/web" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "staging", "--to", "staging"), "FROM and TO are both 'staging'"),
        (("--from", "staging", "--to", "moon"), "unknown environment 'moon'; available: local, production, staging"),
        (("--from", "../staging", "--to", "production"), "unknown environment '../staging'"),
        (("--from", "local", "--to", "production"), "local.yaml has no versions"),
        (("--from", "staging", "--to", "local"), "local.yaml has no versions"),
        (("shop", *FORWARD), "unknown service 'shop'; available: annotate, catalog, web"),
    ],
)
def test_an_invalid_name_is_reported(project: Project, arguments: tuple[str, ...], message: str) -> None:
    assert message in project.release("promote", *arguments, code=1).stderr


def test_a_missing_pin_is_reported(project: Project) -> None:
    project.write(PRODUCTION, project.read(PRODUCTION).replace("  web: 0.1.4 # the gallery\n", ""))
    forwards = project.release("promote", *FORWARD, code=1)
    assert f"{PRODUCTION} pins no version of web: write web: 0.1.4 below versions:" in forwards.stderr
    assert f"{PRODUCTION} pins no version of web" in project.release("promote", "web", *BACKWARD, code=1).stderr
