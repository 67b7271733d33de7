"""The gate on an emulated account: change sets decide what is refused."""

from dataclasses import replace

import pytest

from deploy.environment import Environment
from deploy.errors import GateError
from support.deploy_project import Project

DATABASE = (
    "DBInstanceIdentifier: {name}, Engine: mysql, EngineVersion: 8.4.11, DBInstanceClass: db.t4g.micro, "
    "AllocatedStorage: '20', MasterUsername: admin, ManageMasterUserPassword: true"
)
REPLACEABLE = {
    "AWS::S3::Bucket": "BucketName: {name}",
    "AWS::SNS::Topic": "TopicName: {name}",
    "AWS::SecretsManager::Secret": "Name: {name}",
    "AWS::RDS::DBInstance": DATABASE,
}
PROTECTED = REPLACEABLE | {"AWS::KMS::Key": "EnableKeyRotation: true"}  # no property replaces a key
TOPIC = "AWS::SNS::Topic"
OVERRIDE = "overrides: {thing.Thing: the topic has no subscribers yet}"


def write(project: Project, kind: str, name: str = "", more: str = "", override: str = "") -> Environment:
    """Write a stack with a protected resource, whose name ends with `name`."""
    properties = PROTECTED[kind].format(name=f"{project.prefix}{name}") + more
    template = f"""
Description: A protected resource
Resources:
  Other: {{Type: AWS::SQS::Queue}}
  Thing:
    Type: {kind}
    Properties: {{{properties}}}
"""
    return project.write("thing: {template: thing.yaml}", override, thing=template)


@pytest.mark.parametrize("kind", REPLACEABLE)
def test_the_gate_refuses_to_replace_a_protected_resource(project: Project, kind: str) -> None:
    project.apply(write(project, kind))
    environment = write(project, kind, "-new")
    plan = project.plan(environment)
    assert ["thing.Thing" in sentence for sentence in plan.refused] == [True]
    with pytest.raises(GateError, match=r"thing\.Thing"):
        project.apply_plan(environment, plan)
    assert not project.plan(write(project, kind)).changes_anything


@pytest.mark.parametrize("kind", PROTECTED)
def test_the_gate_refuses_to_delete_a_protected_resource(project: Project, kind: str) -> None:
    environment = write(project, kind)
    project.apply(environment)
    without = environment.stacks[0].template.body.partition("  Thing:")[0]
    with pytest.raises(GateError, match="would be deleted"):
        project.apply(project.write("thing: {template: thing.yaml}", thing=without))


def test_an_override_with_a_reason_allows_the_loss_of_one_resource(project: Project) -> None:
    project.apply(write(project, TOPIC))
    assert project.apply(write(project, TOPIC, "-new", override=OVERRIDE)) == ["thing: updated"]


def test_the_gate_checks_the_change_set_and_not_the_plan_file(project: Project) -> None:
    project.apply(write(project, TOPIC))
    environment = write(project, TOPIC, "-new")
    plan = project.plan(environment)
    tampered = replace(plan, stacks=tuple(replace(stack, refused=(), changes=()) for stack in plan.stacks))
    with pytest.raises(GateError, match=r"thing\.Thing"):
        project.apply_plan(environment, tampered)


def test_an_override_that_was_removed_after_the_plan_does_not_count(project: Project) -> None:
    project.apply(write(project, TOPIC))
    plan = project.plan(write(project, TOPIC, "-new", override=OVERRIDE))
    assert plan.refused == ()
    with pytest.raises(GateError, match=r"thing\.Thing"):
        project.apply_plan(write(project, TOPIC, "-new"), plan)


def test_a_change_that_keeps_a_protected_resource_passes_the_gate(project: Project) -> None:
    project.apply(write(project, TOPIC))
    assert project.apply(write(project, TOPIC, more=", DisplayName: photos")) == ["thing: updated"]
