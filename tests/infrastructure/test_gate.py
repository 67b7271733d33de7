"""The gate on an emulated account: what CloudFormation says of a change decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploy.apply import apply_plan
from deploy.errors import GateError
from deploy.plan import make_plan
from support.deploy_project import Project, apply, silent

PROTECTED = {
    "AWS::S3::Bucket": ("BucketName: {name}", "BucketName: {name}-new"),
    "AWS::SNS::Topic": ("TopicName: {name}", "TopicName: {name}-new"),
    "AWS::SecretsManager::Secret": ("Name: {name}", "Name: {name}-new"),
    "AWS::KMS::Key": ("EnableKeyRotation: true", ""),  # no property replaces a key
    "AWS::RDS::DBInstance": (
        "DBInstanceIdentifier: {name}, Engine: mysql, EngineVersion: 8.4.11, DBInstanceClass: db.t4g.micro, "
        "AllocatedStorage: '20', MasterUsername: admin, ManageMasterUserPassword: true",
        "DBInstanceIdentifier: {name}-new, Engine: mysql, EngineVersion: 8.4.11, DBInstanceClass: db.t4g.micro, "
        "AllocatedStorage: '20', MasterUsername: admin, ManageMasterUserPassword: true",
    ),
}


def holding(kind: str, properties: str) -> str:
    return f"""
Description: Something protected
Resources:
  Other: {{Type: AWS::SQS::Queue}}
  Thing:
    Type: {kind}
    Properties: {{{properties}}}
"""


@pytest.mark.parametrize("kind", [kind for kind, (_, after) in PROTECTED.items() if after])
def test_the_gate_refuses_to_replace_what_is_protected(project: Project, kind: str) -> None:
    before, after = (properties.format(name=project.prefix) for properties in PROTECTED[kind])
    apply(project.write("thing: {template: thing.yaml}", thing=holding(kind, before)))
    environment = project.write("thing: {template: thing.yaml}", thing=holding(kind, after))
    plan = make_plan(environment)
    assert ["thing.Thing" in sentence for sentence in plan.refused] == [True]
    with pytest.raises(GateError, match=r"thing\.Thing"):
        apply_plan(environment, plan, silent)
    assert not make_plan(project.write("thing: {template: thing.yaml}", thing=holding(kind, before))).changes_anything


@pytest.mark.parametrize("kind", PROTECTED)
def test_the_gate_refuses_to_delete_what_is_protected(project: Project, kind: str) -> None:
    before = holding(kind, PROTECTED[kind][0].format(name=project.prefix))
    apply(project.write("thing: {template: thing.yaml}", thing=before))
    environment = project.write("thing: {template: thing.yaml}", thing=before.partition("  Thing:")[0])
    with pytest.raises(GateError, match="would be deleted"):
        apply_plan(environment, make_plan(environment), silent)


def test_an_override_with_a_reason_opens_the_gate_for_one_resource(project: Project) -> None:
    before, after = (properties.format(name=project.prefix) for properties in PROTECTED["AWS::SNS::Topic"])
    apply(project.write("thing: {template: thing.yaml}", thing=holding("AWS::SNS::Topic", before)))
    override = "overrides: {thing.Thing: nobody is subscribed yet}"
    environment = project.write("thing: {template: thing.yaml}", override, thing=holding("AWS::SNS::Topic", after))
    assert apply(environment) == ["thing: updated"]


def test_the_gate_judges_what_would_be_executed_and_not_what_the_plan_says_of_it(project: Project) -> None:
    before, after = (properties.format(name=project.prefix) for properties in PROTECTED["AWS::SNS::Topic"])
    apply(project.write("thing: {template: thing.yaml}", thing=holding("AWS::SNS::Topic", before)))
    environment = project.write("thing: {template: thing.yaml}", thing=holding("AWS::SNS::Topic", after))
    plan = make_plan(environment)
    tampered = replace(plan, stacks=tuple(replace(stack, refused=(), changes=()) for stack in plan.stacks))
    with pytest.raises(GateError, match=r"thing\.Thing"):
        apply_plan(environment, tampered, silent)


def test_an_override_that_was_withdrawn_since_does_not_count(project: Project) -> None:
    before, after = (properties.format(name=project.prefix) for properties in PROTECTED["AWS::SNS::Topic"])
    apply(project.write("thing: {template: thing.yaml}", thing=holding("AWS::SNS::Topic", before)))
    override = "overrides: {thing.Thing: nobody is subscribed yet}"
    plan = make_plan(project.write("thing: {template: thing.yaml}", override, thing=holding("AWS::SNS::Topic", after)))
    assert plan.refused == ()
    environment = project.write("thing: {template: thing.yaml}", thing=holding("AWS::SNS::Topic", after))
    with pytest.raises(GateError, match=r"thing\.Thing"):
        apply_plan(environment, plan, silent)


def test_a_change_that_keeps_what_is_protected_passes_the_gate(project: Project) -> None:
    before = PROTECTED["AWS::SNS::Topic"][0].format(name=project.prefix)
    apply(project.write("thing: {template: thing.yaml}", thing=holding("AWS::SNS::Topic", before)))
    renamed = holding("AWS::SNS::Topic", f"{before}, DisplayName: photos")
    assert apply(project.write("thing: {template: thing.yaml}", thing=renamed)) == ["thing: updated"]
