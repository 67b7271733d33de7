"""drift.yml, dependencies.yml and taskcat.yml: the scheduled workflows."""

from dataclasses import replace

from support.github_server import GitHubServer
from workflows.act import NAME, TOKEN, Outcome
from workflows.conftest import STAGING_ONLY, VARIABLES, GitHub


def drifted(environment: str, status: int) -> Outcome:
    """Return the outcome of `make drift`."""
    return Outcome(f"drift ENV={environment}", exit=status, files={"--markdown": f"{environment} has drifted\n"})


def test_drift_is_reported_in_one_issue(github: GitHub) -> None:
    run = github.schedule("drift", drifted("staging", 6), drifted("production", 0))
    assert run.calls[-1] == "drift-issue FILES=drift/staging.md drift/production.md"
    assert {asked.role for asked in run.credentials} == {
        VARIABLES["STAGING_PLAN_ROLE"],
        VARIABLES["PRODUCTION_PLAN_ROLE"],
    }


def test_the_issue_is_open_while_there_is_drift(with_code: GitHub) -> None:
    with GitHubServer(NAME, TOKEN) as server:
        github = replace(with_code, runner=replace(with_code.runner, real=("drift-issue",), github=server.url))
        github.schedule("drift", drifted("staging", 6), Outcome("drift ENV=production", files={"--markdown": ""}))
        (issue,) = server.issues.values()
        assert (issue["state"], "staging has drifted" in issue["body"]) == ("open", True)
        github.schedule("drift", Outcome("drift", files={"--markdown": ""}))
        (issue,) = server.issues.values()
        assert issue["state"] == "closed"


def test_the_issue_skips_an_environment_without_variables(github: GitHub) -> None:
    run = replace(github, variables=STAGING_ONLY).schedule("drift", drifted("staging", 0))
    assert [call.split() for call in run.calls] == [
        ["drift", "ENV=staging", "ARGS=--markdown", "staging.md"],
        ["drift-issue", "FILES=drift/staging.md"],
    ]


def test_without_environments_drift_is_not_checked(github: GitHub) -> None:
    run = replace(github, variables={}).schedule("drift")
    assert (run.calls, run.credentials) == ((), ())
    assert len(run.notices) == 2


def test_taskcat_runs_at_night_with_its_own_role(github: GitHub) -> None:
    run = github.schedule("taskcat")
    assert run.calls == ("taskcat REGIONS=us-east-1",)
    assert [asked.role for asked in run.credentials] == [VARIABLES["TASKCAT_ROLE"]]
    assert replace(github, variables={}).schedule("taskcat").calls == ()


def test_sboms_are_kept_even_if_the_audit_fails(github: GitHub) -> None:
    run = github.schedule("dependencies", Outcome("audit", exit=1, files={".local/sbom/web.json": "{}"}))
    assert run.results == {"Audit": "failure"}
    assert (run.artifacts / "sbom" / "web.json").is_file()
    assert run.credentials == ()
