"""ci.yml and plan.yml: the checks and plans of a pull request, and the limits for forks."""

from dataclasses import replace

import pytest

from support.github_server import GitHubServer
from workflows.act import NAME, TOKEN, Outcome
from workflows.conftest import STAGING_ONLY, VARIABLES, GitHub, refused

SERVICES = ["annotate", "catalog", "thumbnail", "web"]


@pytest.mark.parametrize(
    ("changed", "tested"),
    [
        ("services/thumbnail/thumbnail/resize.py", ["thumbnail"]),
        ("tests/unit/web/test_web_pages.py", ["web"]),
        ("services/imaging/imaging/decode.py", ["annotate", "thumbnail"]),
        ("services/catalog/catalog/images.py", SERVICES),
        ("infrastructure/environments/staging.yaml", []),
    ],
)
def test_affected_services_are_tested_and_packaged(with_code: GitHub, changed: str, tested: list[str]) -> None:
    scratch = with_code.scratch
    base = scratch.git("rev-parse", "HEAD")
    with (scratch.path / changed).open("a") as file:
        file.write("\n# changed\n")
    scratch.commit("Change something")
    with_affected = replace(with_code, runner=replace(with_code.runner, real=("affected",)))
    run = with_affected.pull_request("ci", base=base, job="service")
    calls = [f"{target} SERVICE={service}" for service in tested for target in ("package", "test-service")]
    assert sorted(run.calls[1:]) == sorted(calls)
    assert run.results == dict.fromkeys(["Affected services", *(f"Service {name}" for name in tested)], "success")


def test_a_failed_check_fails_the_required_check(github: GitHub) -> None:
    assert github.pull_request("ci", Outcome("test-service", exit=1)).results["passed"] == "failure"


def test_a_pull_request_of_a_fork_is_checked_without_credentials(github: GitHub) -> None:
    run = github.pull_request("ci", fork=True)
    assert run.results["passed"] == "success"
    assert run.credentials == ()


def test_both_environments_are_planned_and_the_comment_starts_with_staging(github: GitHub) -> None:
    run = github.pull_request("plan")
    assert sorted((asked.job, asked.role) for asked in run.credentials) == [
        ("plan", VARIABLES["PRODUCTION_PLAN_ROLE"]),
        ("plan", VARIABLES["STAGING_PLAN_ROLE"]),
    ]
    *plans, comment = run.calls
    assert sorted(plans) == [
        f"plan ENV={name} ARGS=--label pr-12 --markdown {name}.md" for name in ("production", "staging")
    ]
    assert comment == "comment PULL_REQUEST=12 FILES=plans/staging.md plans/production.md"


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_refused_plan_is_in_the_comment_and_fails_the_check(github: GitHub, environment: str) -> None:
    run = github.pull_request("plan", refused(environment))
    assert run.results[f"Plan {environment}"] == "failure"
    assert run.calls[-1].startswith("comment ")
    assert (run.artifacts / f"plan-{environment}" / f"{environment}.md").read_text() == "## Refused\n"


def test_a_pull_request_has_one_comment_with_the_newest_plans_even_if_refused(with_code: GitHub) -> None:
    with GitHubServer(NAME, TOKEN) as server:
        runner = replace(with_code.runner, real=("comment",), github=server.url)
        commenting, number = replace(with_code, runner=runner), server.open_pull_request()
        commenting.pull_request("plan", refused("production"), number=number)
        (before,) = server.bodies(number)
        commenting.pull_request("plan", number=number, action="synchronize")
        (comment,) = server.bodies(number)
    assert before.index("## What would change") < before.index("## Refused")
    assert comment.count("## What would change") == 2
    assert "## Refused" not in comment


def test_a_pull_request_of_a_fork_gets_a_notice_instead_of_a_plan(github: GitHub) -> None:
    run = github.pull_request("plan", fork=True)
    assert (run.calls, run.credentials) == ((), ())
    assert "fork" in run.notices[0]


def test_an_environment_without_variables_is_not_planned(github: GitHub) -> None:
    run = replace(github, variables=STAGING_ONLY).pull_request("plan")
    assert len(run.credentials) == 1
    assert run.calls[-1] == "comment PULL_REQUEST=12 FILES=plans/staging.md "
    assert [notice.partition(" ")[0] for notice in run.notices] == ["production"]


def test_without_environments_there_is_no_comment(github: GitHub) -> None:
    run = replace(github, variables={}).pull_request("plan")
    assert (run.calls, run.credentials) == ((), ())
    assert set(run.results.values()) == {"success"}


def test_closing_a_pull_request_discards_its_change_sets(github: GitHub) -> None:
    run = github.pull_request("plan", action="closed")
    assert sorted(run.calls) == [f"discard ENV={name} LABEL=pr-12" for name in ("production", "staging")]
    assert {asked.role for asked in run.credentials} == {
        VARIABLES["STAGING_PLAN_ROLE"],
        VARIABLES["PRODUCTION_PLAN_ROLE"],
    }


def test_an_environment_without_variables_has_nothing_to_discard(github: GitHub) -> None:
    run = replace(github, variables=STAGING_ONLY).pull_request("plan", action="closed")
    assert run.calls == ("discard ENV=staging LABEL=pr-12",)


def test_the_label_taskcat_starts_taskcat_in_aws(github: GitHub) -> None:
    for fork, calls in ((False, ("taskcat REGIONS=us-east-1",)), (True, ())):
        run = github.pull_request("taskcat", action="labeled", label="taskcat", fork=fork)
        assert run.calls == calls
        assert len(run.credentials) == len(calls)
    assert github.pull_request("taskcat", action="labeled", label="question").calls == ()
