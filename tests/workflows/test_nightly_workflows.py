"""drift.yml, dependencies.yml and taskcat.yml: what happens without anybody's doing."""

from __future__ import annotations

from dataclasses import replace

from workflows.act import Outcome
from workflows.conftest import VARIABLES, GitHub


def drifted(environment: str, status: int) -> Outcome:
    """Return what `make drift` leaves."""
    return Outcome(f"drift ENV={environment}", exit=status, files={"--markdown": f"{environment} has drifted\n"})


def test_what_has_drifted_becomes_one_issue(github: GitHub) -> None:
    run = github.schedule("drift", drifted("staging", 6), drifted("production", 0))
    assert run.calls[-1] == "drift-issue FILES=drift/staging.md drift/production.md"
    assert {asked.role for asked in run.credentials} == {
        VARIABLES["STAGING_PLAN_ROLE"],
        VARIABLES["PRODUCTION_PLAN_ROLE"],
    }


def test_drift_is_not_looked_for_where_no_environment_is_set_up(github: GitHub) -> None:
    run = replace(github, variables={}).schedule("drift")
    assert (run.calls, run.credentials) == ((), ())
    assert len(run.notices) == 2


def test_taskcat_runs_at_night_with_a_role_of_its_own(github: GitHub) -> None:
    run = github.schedule("taskcat")
    assert run.calls == ("taskcat REGIONS=us-east-1",)
    assert [asked.role for asked in run.credentials] == [VARIABLES["TASKCAT_ROLE"]]
    assert replace(github, variables={}).schedule("taskcat").calls == ()
