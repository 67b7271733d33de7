"""Rules for the workflows of .github/workflows, and their consistency with the rest of the repository."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.environment import INFRASTRUCTURE
from deploy.template import Template
from environments.environment import REPOSITORY

FILES = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
PIPELINE = (REPOSITORY / "docs" / "pipeline.md").read_text(encoding="utf-8")
EVERY_FILE = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)

CREDENTIALS = "aws-actions/configure-aws-credentials"
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
WRITERS = {
    "deploy.tag": {"contents"},
    "plan.comment": {"pull-requests"},
    "drift.issue": {"issues"},
}
"""The only jobs with write access to GitHub, and their scopes."""


@dataclass(frozen=True)
class Job:
    """A job of a workflow."""

    workflow: str
    name: str
    content: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.workflow}.{self.name}"

    @property
    def calls(self) -> bool:
        """Whether it calls another workflow instead of running steps."""
        return "uses" in self.content

    @property
    def permissions(self) -> Mapping[str, str]:
        permissions: Mapping[str, str] = self.content["permissions"]
        return permissions

    @property
    def steps(self) -> list[dict[str, Any]]:
        return [] if self.calls else self.content["steps"]

    def using(self, action: str) -> list[dict[str, Any]]:
        """Return the inputs that its steps pass to an action."""
        return [step.get("with", {}) for step in self.steps if step.get("uses", "").startswith(f"{action}@")]


def read(file: Path) -> dict[str, Any]:
    document: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["on"] = document.pop(True)  # YAML 1.1 reads the word as a truth value
    return document


WORKFLOWS = {file.stem: read(file) for file in FILES}
JOBS = [Job(name, job, content) for name, workflow in WORKFLOWS.items() for job, content in workflow["jobs"].items()]
EVERY_JOB = pytest.mark.parametrize("job", JOBS, ids=lambda job: job.id)


def jobs_called_by(job: Job) -> list[Job]:
    """Return the jobs of the workflow that a job runs."""
    name = Path(job.content["uses"]).stem
    return [other for other in JOBS if other.workflow == name]


@EVERY_FILE
def test_every_action_is_pinned_by_its_commit_with_its_version(file: Path) -> None:
    uses = re.findall(r"uses: (.+)", file.read_text(encoding="utf-8"))
    pinned = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/\w+\.yml")
    assert [use for use in uses if not pinned.fullmatch(use)] == []


def test_an_action_is_pinned_to_one_commit_everywhere() -> None:
    uses = {use for file in FILES for use in re.findall(r"uses: (\S+@.+)", file.read_text(encoding="utf-8"))}
    actions = [use.partition("@")[0] for use in uses]
    assert {action for action in actions if actions.count(action) > 1} == set()


def test_every_image_is_pinned_by_its_digest() -> None:
    images = {image for file in FILES for image in re.findall(r"\bimage: (.+)", file.read_text(encoding="utf-8"))}
    assert images
    assert {image for image in images if not re.search(r"@sha256:[0-9a-f]{64}$", image)} == set()


@EVERY_FILE
def test_only_jobs_have_permissions(file: Path) -> None:
    assert WORKFLOWS[file.stem]["permissions"] == {}


@EVERY_JOB
def test_only_three_jobs_may_write(job: Job) -> None:
    writes = {scope for scope, access in job.permissions.items() if access == "write" and scope != "id-token"}
    assert writes == WRITERS.get(job.id, set())


@EVERY_JOB
def test_only_jobs_that_push_keep_git_credentials(job: Job) -> None:
    pushes = job.permissions.get("contents") == "write"
    assert {str(checkout["persist-credentials"]) for checkout in job.using("actions/checkout")} <= {str(pushes)}


@EVERY_JOB
def test_a_job_has_a_timeout(job: Job) -> None:
    assert job.calls or job.content["timeout-minutes"] > 0


@EVERY_JOB
def test_a_job_has_an_id_token_only_if_it_assumes_a_role(job: Job) -> None:
    jobs = jobs_called_by(job) if job.calls else [job]
    takes = any(other.using(CREDENTIALS) for other in jobs)
    assert ("id-token" in job.permissions) == takes


@EVERY_JOB
def test_a_job_of_a_fork_gets_no_credentials(job: Job) -> None:
    triggers = WORKFLOWS[job.workflow]["on"]
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers)
    if "pull_request" in triggers and set(job.permissions.values()) - {"read"}:
        condition = job.content["if"]
        if before := job.content.get("needs"):
            assert f"needs.{before}.result != 'skipped'" in condition
            condition = WORKFLOWS[job.workflow]["jobs"][before]["if"]
        assert SAME_REPOSITORY in condition


def test_no_secret_is_used() -> None:
    assert [file.name for file in FILES if "secrets" in file.read_text(encoding="utf-8")] == []


@EVERY_JOB
def test_no_expression_becomes_part_of_a_script(job: Job) -> None:
    assert [step["run"] for step in job.steps if "${{" in step.get("run", "")] == []


@EVERY_JOB
def test_every_step_runs_one_command_of_this_repository(job: Job) -> None:
    one_command = re.compile(r'make [a-z][a-z0-9-]*( [A-Z_]+=("[^"]*"|\S+))*|echo "::notice::[^"]+"|exit 1')
    assert [step["run"] for step in job.steps if "run" in step and not one_command.fullmatch(step["run"])] == []


def used_targets() -> Iterator[tuple[str, str]]:
    for job in JOBS:
        for step in job.steps:
            if target := re.match(r"make (\S+)", step.get("run", "")):
                yield job.id, target[1]


def test_every_make_target_in_a_step_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert [(job, target) for job, target in used_targets() if target not in targets] == []


@EVERY_JOB
def test_a_job_that_reads_history_has_it(job: Job) -> None:
    reads = re.compile(r"make (versions|affected|tag|publish|test ARGS=tests/infrastructure)\b")
    if any(reads.match(step.get("run", "")) for step in job.steps):
        assert [checkout.get("fetch-depth") for checkout in job.using("actions/checkout")] == [0]


@EVERY_JOB
def test_a_deploying_job_waits_for_its_environment(job: Job) -> None:
    roles = [credentials["role-to-assume"] for credentials in job.using(CREDENTIALS)]
    if any("DEPLOY_ROLE" in role or "TASKCAT_ROLE" in role for role in roles):
        assert job.content["environment"]


@EVERY_JOB
def test_a_role_is_valid_until_its_job_ends(job: Job) -> None:
    longest = Template(INFRASTRUCTURE / "bootstrap.yaml").document["Resources"]["DeployRole"]["Properties"]
    for credentials in job.using(CREDENTIALS):
        seconds = credentials.get("role-duration-seconds", 3600)
        assert job.content["timeout-minutes"] * 60 <= seconds <= longest["MaxSessionDuration"]


def test_a_job_that_changes_an_environment_is_never_cancelled() -> None:
    """Neither by a workflow nor by the job that calls another one."""
    concurrent = [WORKFLOWS[job.workflow].get("concurrency") or job.content.get("concurrency") for job in JOBS]
    for job, concurrency in zip(JOBS, concurrent, strict=True):
        if "id-token" in job.permissions and job.workflow != "environment":
            assert concurrency is not None, job.id
            assert concurrency["cancel-in-progress"] is False, job.id


def test_environments_are_deployed_one_after_the_other() -> None:
    jobs = WORKFLOWS["deploy"]["jobs"]
    assert [jobs[name]["needs"] for name in ("tag", "staging", "production")] == ["checks", "tag", "staging"]
    groups = [jobs[name]["concurrency"]["group"] for name in ("checks", "staging", "production")]
    assert len(set(groups)) == len(groups)


def test_a_merge_requires_every_check() -> None:
    jobs = WORKFLOWS["ci"]["jobs"]
    passed = jobs["passed"]
    assert set(passed["needs"]) == set(jobs) - {"passed"}
    assert passed["if"] == "always()"


def test_mysql_is_tested_in_the_deployed_version() -> None:
    staging = yaml.safe_load((INFRASTRUCTURE / "environments" / "staging.yaml").read_text(encoding="utf-8"))
    version = staging["parameters"]["database"]["EngineVersion"]
    assert f"mysql:{version}@" in WORKFLOWS["ci"]["jobs"]["mysql"]["services"]["mysql"]["image"]


def test_every_variable_is_explained_and_used() -> None:
    used = {name for file in FILES for name in re.findall(r"\bvars\.(\w+)", file.read_text(encoding="utf-8"))}
    explained = set(re.findall(r"^\| `([A-Z_]+)` \|", PIPELINE, re.MULTILINE))
    assert used == explained


def test_every_workflow_is_explained() -> None:
    assert {file.name for file in FILES if f"`{file.name}`" not in PIPELINE} == set()
