"""Small projects for tests of the deploy command: stacks.yaml, an environment and templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.apply import apply_plan
from deploy.environment import Environment, load_environment
from deploy.plan import Plan, make_plan
from deploy.stack import Follow

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
Description: Something that runs a package
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


@dataclass
class Project:
    """A folder like `infrastructure/`, with an environment of its own that no other test knows."""

    folder: Path
    prefix: str

    def write(self, stacks: str, environment: str = "", **templates: str) -> Environment:
        """Write stacks.yaml, templates by their name, and more of the environment's file; return the environment."""
        (self.folder / "environments").mkdir(exist_ok=True)
        (self.folder / "templates").mkdir(exist_ok=True)
        (self.folder / "stacks.yaml").write_text(stacks)
        for name, body in templates.items():
            (self.folder / "templates" / f"{name}.yaml").write_text(body)
        base = f"region: {REGION}\nstack_prefix: {self.prefix}\nplatform: host\n"
        (self.folder / "environments" / "test.yaml").write_text(base + environment)
        return self.load()

    def load(self, variables: Mapping[str, str] | None = None) -> Environment:
        """Read the environment again."""
        return load_environment("test", variables or {}, self.folder)


def silent(line: str) -> None:
    """Report nothing."""


def apply(environment: Environment, follow: Follow | None = None) -> list[str]:
    """Plan and apply once; return what was reported."""
    lines: list[str] = []
    apply_plan(environment, make_plan(environment), lines.append, follow)
    return lines


def kinds(plan: Plan) -> dict[str, str]:
    """Return what is planned for each stack."""
    return {stack.name: stack.kind for stack in plan.stacks}
