"""The check of policies (checks/policies.py) passes our templates and finds unsuitable policies."""

import json
import subprocess
from pathlib import Path

import pytest

from deploy.environment import INFRASTRUCTURE
from servers import REPOSITORY

PYTHON = REPOSITORY / ".local" / "venv" / "taskcat" / "bin" / "python"

QUEUE_ARN = "!Sub arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
QUEUE_READER = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  TopicArn: { Type: String }
Conditions:
  HasReader: !Equals [!Ref TopicArn, ""]
Resources:
  Queue: { Type: AWS::SQS::Queue }
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: [sqs:ReceiveMessage, %(action)s]
            Resource: %(resource)s
"""
TOPIC = """
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Topic: { Type: AWS::SNS::Topic }
Outputs:
  TopicArn: { Value: !Ref Topic }
"""


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "checks", *arguments]
    return subprocess.run(command, cwd=INFRASTRUCTURE / "tools", capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "topic.yaml").write_text(TOPIC)
    (tmp_path / "stacks.yaml").write_text("topic: {}\nreader: {parameters: {TopicArn: topic.TopicArn}}\n")
    justify(tmp_path)
    return tmp_path


def justify(folder: Path, *lines: str) -> None:
    (folder / "tools" / "checks").mkdir(parents=True, exist_ok=True)
    (folder / "tools" / "checks" / "justified.yaml").write_text(json.dumps(dict.fromkeys(lines, "the reason")))


def findings(folder: Path, action: str = "sqs:DeleteMessage", resource: str = "!GetAtt Queue.Arn") -> list[str]:
    template = QUEUE_READER % {"action": action, "resource": resource}
    (folder / "templates" / "reader.yaml").write_text(template)
    checked = check(str(folder))
    assert checked.returncode == bool(checked.stderr)
    return checked.stderr.splitlines()


def test_the_templates_pass() -> None:
    checked = check()
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({}, []),
        ({"action": "sqs:PeekMessage"}, ["sqs:PeekMessage: UNKNOWN_ACTION"]),
        ({"action": "sqs:Get*"}, ["sqs:Get*: ACTION_WILDCARD"]),
        ({"resource": '"*"'}, ["sqs:DeleteMessage: RESOURCE_STAR", "sqs:ReceiveMessage: RESOURCE_STAR"]),
    ],
)
def test_policy_of_a_queue_reader(folder: Path, wrong: dict[str, str], found: list[str]) -> None:
    assert findings(folder, **wrong) == [f"reader: Policy: {finding}" for finding in found]


@pytest.mark.parametrize(
    ("resource", "finding"),
    [
        (f"{QUEUE_ARN}*", "RESOURCE_WILDCARD"),
        (f"{QUEUE_ARN}*-letters", "RESOURCE_WILDCARD"),
        ("!Ref TopicArn", "RESOURCE_MISMATCH"),  # made by another stack
        ("!Ref Queue", "INVALID_ARN"),
        ('!If [HasReader, !GetAtt Queue.Arn, "*"]', "RESOURCE_STAR"),
        ('!If [HasReader, "*", !GetAtt Queue.Arn]', "RESOURCE_STAR"),
    ],
)
def test_unsuitable_resource(folder: Path, resource: str, finding: str) -> None:
    assert f"reader: Policy: sqs:ReceiveMessage: {finding}" in findings(folder, resource=resource)


@pytest.mark.parametrize(("objects", "wide"), [("*/uploads/*", True), ("photos/uploads/*", False), ("photos/*", False)])
def test_a_policy_may_cover_all_objects_of_one_bucket(folder: Path, objects: str, wide: bool) -> None:
    found = findings(folder, action="s3:GetObject", resource=f"arn:aws:s3:::{objects}")
    assert ("reader: Policy: s3:GetObject: RESOURCE_WILDCARD" in found) == wide


def test_a_wildcard_is_allowed_for_actions_without_resources(folder: Path) -> None:
    assert "xray" not in str(findings(folder, action="xray:PutTraceSegments", resource='"*"'))


def test_a_resource_of_another_stack_is_known(folder: Path) -> None:
    assert "sns:Publish" not in str(findings(folder, action="sns:Publish", resource="!Ref TopicArn"))


def test_a_missing_output_is_an_error(folder: Path) -> None:
    (folder / "stacks.yaml").write_text("topic: {}\nreader: {parameters: {TopicArn: topic.Arn}}\n")
    assert findings(folder, resource="!Ref TopicArn") == [
        "policies: reader: TopicArn is wired to topic.Arn, which does not exist"
    ]


def test_a_justified_finding_passes(folder: Path) -> None:
    justify(folder, "reader: Policy: sqs:*: ACTION_WILDCARD")
    assert findings(folder, action="sqs:Get*") == []


def test_an_obsolete_justification_fails(folder: Path) -> None:
    justify(folder, "reader: Policy: sqs:Get*: ACTION_WILDCARD")
    assert findings(folder) == ["reader: Policy: sqs:Get*: ACTION_WILDCARD is justified but does not occur"]
