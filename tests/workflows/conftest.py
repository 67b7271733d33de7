"""A simulated GitHub: events happen, and workflows run on this machine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from workflows.act import NAME, WORKFLOWS, Outcome, Run, Runner, Scratch, run

CODE = (".github", ".gitignore", "Makefile", "infrastructure", "services", "localstack")
"""The paths that a deployment needs."""

VARIABLES = {
    "AWS_REGION": "eu-central-1",
    "STAGING_PLAN_ROLE": "arn:aws:iam::000000000000:role/plan-staging",
    "PRODUCTION_PLAN_ROLE": "arn:aws:iam::000000000000:role/plan-production",
    "DEPLOY_ROLE": "arn:aws:iam::000000000000:role/deploy",
    "TASKCAT_REGIONS": "us-east-1",
    "TASKCAT_ROLE": "arn:aws:iam::000000000000:role/taskcat",
}

STAGING_ONLY = {name: value for name, value in VARIABLES.items() if name != "PRODUCTION_PLAN_ROLE"}
"""The variables before production is set up."""

PASSED = """
on: workflow_call
jobs:
  passed: {runs-on: ubuntu-24.04, steps: [run: "true"]}
"""


def planned(environment: str = "", *, changes: bool = True) -> Outcome:
    """Return the outcome of an accepted plan, of one environment or of any."""
    name = f"plan ENV={environment}" if environment else "plan"
    outputs = f"changes={str(changes).lower()}\nrefused=false\n"
    return Outcome(name, files={"--plan": "{}", "--outputs": outputs, "--markdown": "## What would change\n"})


def refused(environment: str) -> Outcome:
    """Return the outcome of a plan that the gate refuses."""
    files = {"--plan": "{}", "--outputs": "changes=true\nrefused=true\n", "--markdown": "## Refused\n"}
    return Outcome(f"plan ENV={environment}", exit=3, files=files)


USUAL = (planned(), Outcome("affected", files={"OUTPUTS": 'services=["web"]\n'}))


@dataclass(frozen=True)
class GitHub:
    """A repository on GitHub whose workflows run here. make is simulated unless a test says otherwise."""

    scratch: Scratch
    new_folder: Callable[[str], Path]
    variables: Mapping[str, str]
    runner: Runner = field(default_factory=lambda: Runner(USUAL))

    def push(self, *outcomes: Outcome, before: str = "0" * 40) -> Run:
        """Merge something to main."""
        event = {"ref": "refs/heads/main", "before": before, "after": self.scratch.git("rev-parse", "HEAD")}
        return self._run("deploy", "push", event, outcomes)

    def dispatch(self, workflow: str, branch: str) -> Run:
        """Start a workflow manually from a branch."""
        return self._run(workflow, "workflow_dispatch", {"ref": f"refs/heads/{branch}"}, ())

    def pull_request(
        self,
        workflow: str,
        *outcomes: Outcome,
        action: str = "opened",
        fork: bool = False,
        base: str = "0" * 40,
        label: str = "",
        number: int = 12,
        job: str = "",
    ) -> Run:
        """Trigger an event of a pull request."""
        head = {"ref": "topic", "repo": {"full_name": "mallory/gallery" if fork else NAME, "fork": fork}}
        pull_request = {"number": number, "head": head, "base": {"ref": "main", "sha": base}}
        event = {"action": action, "number": number, "pull_request": pull_request, "label": {"name": label}}
        return self._run(workflow, "pull_request", event, outcomes, job)

    def schedule(self, workflow: str, *outcomes: Outcome) -> Run:
        """Run a scheduled workflow."""
        return self._run(workflow, "schedule", {"schedule": "0 0 * * *"}, outcomes)

    def _run(
        self, workflow: str, event_name: str, event: Mapping[str, object], outcomes: Sequence[Outcome], job: str = ""
    ) -> Run:
        runner = replace(self.runner, outcomes=(*self.runner.outcomes, *outcomes))
        folder = self.new_folder(workflow)
        return run(self.scratch, workflow, event_name, event, folder, runner, self.variables, job)


@pytest.fixture(scope="session")
def github(tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    """Return a repository with only workflows; everything that they call is simulated."""
    return GitHub(Scratch(tmp_path_factory.mktemp("workflows"), ".github"), tmp_path_factory.mktemp, VARIABLES)


@pytest.fixture(scope="module")
def with_code(tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    """Return a repository that includes code, so that make can run real targets."""
    scratch = Scratch(tmp_path_factory.mktemp("code"), *CODE, "tests/unit")
    return GitHub(scratch, tmp_path_factory.mktemp, VARIABLES)


@pytest.fixture(scope="session")
def checked(tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    """Return a repository with only workflows whose checks pass at once, which is faster."""
    scratch = Scratch(tmp_path_factory.mktemp("checked"), ".github")
    (scratch.path / WORKFLOWS / "ci.yml").write_text(PASSED)
    scratch.commit("Skip the checks")
    return GitHub(scratch, tmp_path_factory.mktemp, VARIABLES)
