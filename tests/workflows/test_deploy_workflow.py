"""deploy.yml: what a merge does, and what stops it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workflows.act import Outcome, Run
from workflows.conftest import VARIABLES, GitHub, planned, refused

ENVIRONMENTS = ("staging", "production")
BEFORE = "b" * 40
WHOLE = ["plan", "publish", "apply", "smoke"]


@pytest.fixture(scope="module")
def merged(github: GitHub) -> Run:
    """Merge something that changes both environments."""
    return github.push(before=BEFORE)


def test_a_merge_is_checked_and_tagged_and_goes_to_staging_and_then_to_production(merged: Run) -> None:
    targets = merged.targets()
    deployed = targets.index("tag")
    assert {"lint", "versions", "test-unit", "integration", "taskcat"} <= set(targets[:deployed])
    assert targets[deployed:] == ["tag", *WHOLE, *WHOLE]
    assert merged.targets("staging") == merged.targets("production") == WHOLE
    assert set(merged.results.values()) == {"success"}


def test_plans_and_deployments_have_roles_of_their_own(merged: Run) -> None:
    assert [(asked.job, asked.role) for asked in merged.credentials] == [
        ("plan", VARIABLES["STAGING_PLAN_ROLE"]),
        ("apply", VARIABLES["DEPLOY_ROLE"]),
        ("plan", VARIABLES["PRODUCTION_PLAN_ROLE"]),
        ("apply", VARIABLES["DEPLOY_ROLE"]),
    ]


def test_the_plan_can_be_read_before_it_is_approved(merged: Run) -> None:
    assert merged.summary.count("## What would change") == 2


def test_services_are_tested_that_changed_since_the_merge_before(merged: Run) -> None:
    assert [call for call in merged.calls if call.startswith(f"affected BASE={BEFORE} ")]


def test_exactly_what_was_planned_is_applied(merged: Run) -> None:
    for name in ENVIRONMENTS:
        assert [
            call for call in merged.calls if call.startswith(f"plan ENV={name} ARGS=--label main --plan plan.json ")
        ]
        assert (merged.artifacts / f"plan-{name}" / "plan.json").is_file()
        assert f"apply ENV={name} ARGS=--plan plan.json" in merged.calls


@pytest.mark.parametrize("check", ["lint", "package"])
def test_a_failed_check_stops_tags_and_deployments(github: GitHub, check: str) -> None:
    run = github.push(Outcome(check, exit=2))
    assert "failure" in run.results.values()
    assert not {"tag", *WHOLE} & set(run.targets())
    assert run.credentials == ()


def test_a_failed_tag_stops_deployments(checked: GitHub) -> None:
    assert not set(WHOLE) & set(checked.push(Outcome("tag", exit=1)).targets())


@pytest.mark.parametrize("step", WHOLE)
def test_what_fails_in_staging_stops_there(checked: GitHub, step: str) -> None:
    run = checked.push(Outcome(f"{step} ENV=staging", exit=1))
    assert run.targets("staging") == WHOLE[: WHOLE.index(step) + 1]
    assert run.targets("production") == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_the_gate_refuses_is_not_applied(checked: GitHub, environment: str) -> None:
    run = checked.push(refused(environment))
    assert run.results[f"{environment.title()} / Plan"] == "failure"
    assert run.targets(environment) == ["plan"]
    assert "## Refused" in run.summary


def test_a_merge_that_changes_nothing_in_production_asks_nobody(checked: GitHub) -> None:
    run = checked.push(planned("production", changes=False))
    assert run.targets("staging") == WHOLE
    assert run.targets("production") == ["plan", "smoke"]
    assert "Production / Apply" not in run.results


def test_a_merge_that_changes_only_production_goes_there(checked: GitHub) -> None:
    run = checked.push(planned("staging", changes=False))
    assert run.targets("staging") == ["plan", "smoke"]
    assert run.targets("production") == WHOLE


@pytest.mark.parametrize("missing", ENVIRONMENTS)
def test_an_environment_without_variables_is_skipped_with_a_notice(checked: GitHub, missing: str) -> None:
    variables = {name: value for name, value in VARIABLES.items() if not name.startswith(missing.upper())}
    run = replace(checked, variables=variables).push()
    assert run.targets(missing) == []
    (other,) = set(ENVIRONMENTS) - {missing}
    assert run.targets(other) == WHOLE
    assert set(run.results.values()) == {"success"}
    assert [notice.partition(" ")[0] for notice in run.notices] == [missing]


def test_by_hand_too_only_main_is_deployed(checked: GitHub) -> None:
    assert checked.dispatch("deploy", "topic").calls == ()
    assert checked.dispatch("deploy", "main").targets("production") == WHOLE
