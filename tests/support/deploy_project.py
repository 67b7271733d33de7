"""Small projects for tests of the deploy tool: stacks.yaml, an environment and templates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from click.testing import CliRunner, Result

from deploy.__main__ import main
from deploy.apply import apply_plan
from deploy.commands.context import Context
from deploy.environment import Environment, load_environment
from deploy.plan import Plan, make_plan
from deploy.stack import Follow
from deploy.status import read_status

REGION = "us-east-1"

ONE_STACK = "queue: {template: queue.yaml}\n"
QUEUE = """
Description: A queue
Parameters:
  Seconds: {Type: Number, Default: 60}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: !Ref Seconds}
Outputs:
  Arn: {Value: !GetAtt Queue.Arn}
"""
LONGER = "parameters: {queue: {Seconds: 90}}"
TWO_STACKS = """
queue: {template: queue.yaml}
name:
  template: name.yaml
  parameters: {Value: queue.Arn}
"""
NAME = """
Description: A parameter of Systems Manager
Parameters:
  Value: {Type: String}
  Description: {Type: String, Default: made by default}
Resources:
  Name:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Ref Value, Description: !Ref Description}
Outputs:
  Name: {Value: !Ref Name}
"""
RUNS = """
Description: A stand-in for a service that runs a package
Parameters:
  ArtifactBucket: {Type: String}
  ArtifactKey: {Type: String}
  Note: {Type: String, Default: first}
Resources:
  Runs:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Sub "${ArtifactBucket}/${ArtifactKey}", Description: !Ref Note}
Outputs:
  Name: {Value: !Ref Runs}
"""
SERVICE = """
web:
  template: runs.yaml
  service: web
  parameters: {ArtifactBucket: bootstrap.ArtifactBucket}
"""
"""stacks.yaml with one service, whose template is `RUNS`."""


@dataclass
class Project:
    """A folder like `infrastructure/`, with an environment whose stacks have a prefix of their own."""

    folder: Path
    prefix: str
    session: boto3.Session

    def write(self, stacks: str, environment: str = "", **templates: str) -> Environment:
        """Write stacks.yaml, templates by name, and the rest of the environment's file; return the environment."""
        (self.folder / "environments").mkdir(exist_ok=True)
        (self.folder / "templates").mkdir(exist_ok=True)
        (self.folder / "stacks.yaml").write_text(stacks)
        for name, body in templates.items():
            (self.folder / "templates" / f"{name}.yaml").write_text(body)
        base = f"region: {REGION}\nstack_prefix: {self.prefix}\nplatform: host\n"
        (self.folder / "environments" / "test.yaml").write_text(base + environment)
        return self.load()

    def load(self) -> Environment:
        """Read the environment again."""
        return load_environment("test", {}, self.folder)

    def plan(self, environment: Environment) -> Plan:
        """Plan an environment."""
        return make_plan(self.session, environment)

    def apply_plan(self, environment: Environment, plan: Plan) -> tuple[str, ...]:
        """Apply a plan without reports; return the stacks that need another plan."""
        return apply_plan(self.session, environment, plan, silent)

    def apply(self, environment: Environment, follow: Follow | None = None) -> list[str]:
        """Plan and apply once; return the reported lines."""
        lines: list[str] = []
        apply_plan(self.session, environment, self.plan(environment), lines.append, follow)
        return lines

    def statuses(self, environment: Environment) -> dict[str, str]:
        """Return the status of each stack."""
        return {status.stack: status.status for status in read_status(self.session, environment)}

    def run(self, *arguments: object, code: int = 0, **context: Any) -> Result:
        """Run the `deploy` command on this project and check its exit code; `context` are other fields of `Context`."""
        fields = {"session": self.session, "infrastructure": self.folder, "plans": self.folder / "plans", **context}
        result = CliRunner().invoke(main, list(map(str, arguments)), obj=Context(**fields))
        assert result.exit_code == code, result.output
        return result

    def change_sets(self, stack: str) -> list[str]:
        """Return the labels of the change sets of a stack, sorted."""
        cloudformation = self.session.client("cloudformation")
        found = cloudformation.list_change_sets(StackName=f"{self.prefix}-{stack}")["Summaries"]
        return sorted(summary["ChangeSetName"].rpartition("-")[0] for summary in found)


def silent(line: str) -> None:
    """Report nothing."""


def kinds(plan: Plan) -> dict[str, str]:
    """Return the kind of plan for each stack."""
    return {stack.name: stack.kind for stack in plan.stacks}
