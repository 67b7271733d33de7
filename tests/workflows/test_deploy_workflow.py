"""deploy.yml: what a merge does, and what stops it."""

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


def test_a_merge_is_checked_tagged_and_deployed_to_staging_then_production(merged: Run) -> None:
    targets = merged.targets()
    deployed = targets.index("tag")
    assert {"lint", "versions", "test-unit", "integration", "taskcat"} <= set(targets[:deployed])
    assert targets[deployed:] == ["tag", *WHOLE, *WHOLE]
    assert merged.targets("staging") == merged.targets("production") == WHOLE
    assert set(merged.results.values()) == {"success"}


def test_plans_and_deployments_use_separate_roles(merged: Run) -> None:
    assert [(asked.job, asked.role) for asked in merged.credentials] == [
        ("plan", VARIABLES["STAGING_PLAN_ROLE"]),
        ("apply", VARIABLES["DEPLOY_ROLE"]),
        ("plan", VARIABLES["PRODUCTION_PLAN_ROLE"]),
        ("apply", VARIABLES["DEPLOY_ROLE"]),
    ]


def test_the_plan_is_in_the_summary(merged: Run) -> None:
    assert merged.summary.count("## What would change") == 2


def test_services_changed_since_the_previous_merge_are_tested(merged: Run) -> None:
    assert [call for call in merged.calls if call.startswith(f"affected BASE={BEFORE} ")]


def test_exactly_the_plan_is_applied(merged: Run) -> None:
    for name in ENVIRONMENTS:
        assert [
            call for call in merged.calls if call.startswith(f"plan ENV={name} ARGS=--label main --plan plan.json ")
        ]
        assert (merged.artifacts / f"plan-{name}" / "plan.json").is_file()
        assert f"apply ENV={name} ARGS=--plan plan.json" in merged.calls


@pytest.mark.parametrize("check", ["lint", "package"])
def test_a_failed_check_prevents_tags_and_deployments(github: GitHub, check: str) -> None:
    run = github.push(Outcome(check, exit=2))
    assert "failure" in run.results.values()
    assert not {"tag", *WHOLE} & set(run.targets())
    assert run.credentials == ()


def test_a_failed_tag_prevents_deployments(checked: GitHub) -> None:
    assert not set(WHOLE) & set(checked.push(Outcome("tag", exit=1)).targets())


@pytest.mark.parametrize("step", WHOLE)
def test_a_failure_in_staging_stops_the_run(checked: GitHub, step: str) -> None:
    run = checked.push(Outcome(f"{step} ENV=staging", exit=1))
    assert run.targets("staging") == WHOLE[: WHOLE.index(step) + 1]
    assert run.targets("production") == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_refused_plan_is_not_applied(checked: GitHub, environment: str) -> None:
    run = checked.push(refused(environment))
    assert run.results[f"{environment.title()} / Plan"] == "failure"
    assert run.targets(environment) == ["plan"]
    assert "## Refused" in run.summary


def test_without_changes_in_production_no_approval_is_requested(checked: GitHub) -> None:
    run = checked.push(planned("production", changes=False))
    assert run.targets("staging") == WHOLE
    assert run.targets("production") == ["plan", "smoke"]
    assert "Production / Apply" not in run.results


def test_a_merge_that_changes_only_production_is_deployed_there(checked: GitHub) -> None:
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


def test_a_manual_run_deploys_only_main(checked: GitHub) -> None:
    assert checked.dispatch("deploy", "topic").calls == ()
    assert checked.dispatch("deploy", "main").targets("production") == WHOLE
