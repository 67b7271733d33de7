"""The check of policies accepts the templates of this repository, and finds what it is made for."""

import json
import subprocess
from pathlib import Path

import pytest

from deploy.environment import INFRASTRUCTURE
from local_cloud import REPOSITORY

PYTHON = REPOSITORY / ".local" / "venv" / "taskcat" / "bin" / "python"

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


def test_every_policy_of_the_templates_passes() -> None:
    checked = check()
    assert checked.returncode == 0, checked.stderr


def test_a_policy_that_names_its_resource_passes(folder: Path) -> None:
    assert findings(folder) == []


def test_an_unknown_action_fails(folder: Path) -> None:
    assert findings(folder, action="sqs:PeekMessage") == ["reader: Policy: sqs:PeekMessage: UNKNOWN_ACTION"]


def test_an_action_with_a_wildcard_fails(folder: Path) -> None:
    assert findings(folder, action="sqs:Get*") == ["reader: Policy: sqs:Get*: ACTION_WILDCARD"]


def test_a_wildcard_in_place_of_a_resource_fails(folder: Path) -> None:
    assert findings(folder, resource='"*"') == [
        "reader: Policy: sqs:DeleteMessage: RESOURCE_STAR",
        "reader: Policy: sqs:ReceiveMessage: RESOURCE_STAR",
    ]


@pytest.mark.parametrize("name", ["*", "*-letters"])
def test_a_resource_whose_name_begins_with_a_wildcard_fails(folder: Path, name: str) -> None:
    found = findings(folder, resource=f"!Sub arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{name}")
    assert "reader: Policy: sqs:ReceiveMessage: RESOURCE_WILDCARD" in found


@pytest.mark.parametrize(("objects", "wide"), [("*/uploads/*", True), ("photos/uploads/*", False), ("photos/*", False)])
def test_objects_may_be_all_of_one_bucket(folder: Path, objects: str, wide: bool) -> None:
    found = findings(folder, action="s3:GetObject", resource=f"arn:aws:s3:::{objects}")
    assert ("reader: Policy: s3:GetObject: RESOURCE_WILDCARD" in found) == wide


def test_a_wildcard_is_allowed_where_no_resource_can_be_named(folder: Path) -> None:
    assert "xray" not in str(findings(folder, action="xray:PutTraceSegments", resource='"*"'))


def test_a_resource_of_another_kind_fails_also_when_another_stack_makes_it(folder: Path) -> None:
    assert "reader: Policy: sqs:ReceiveMessage: RESOURCE_MISMATCH" in findings(folder, resource="!Ref TopicArn")
    assert "sns:Publish" not in str(findings(folder, action="sns:Publish", resource="!Ref TopicArn"))


def test_what_is_no_arn_fails(folder: Path) -> None:
    assert "reader: Policy: sqs:ReceiveMessage: INVALID_ARN" in findings(folder, resource="!Ref Queue")


@pytest.mark.parametrize("order", ['!GetAtt Queue.Arn, "*"', '"*", !GetAtt Queue.Arn'])
def test_both_sides_of_a_condition_are_checked(folder: Path, order: str) -> None:
    found = findings(folder, resource=f"!If [HasReader, {order}]")
    assert "reader: Policy: sqs:ReceiveMessage: RESOURCE_STAR" in found


def test_an_output_that_does_not_exist_is_named(folder: Path) -> None:
    (folder / "stacks.yaml").write_text("topic: {}\nreader: {parameters: {TopicArn: topic.Arn}}\n")
    assert findings(folder, resource="!Ref TopicArn") == [
        "policies: reader: TopicArn is wired to topic.Arn, which does not exist"
    ]


def test_a_finding_with_a_reason_passes(folder: Path) -> None:
    justify(folder, "reader: Policy: sqs:*: ACTION_WILDCARD")
    assert findings(folder, action="sqs:Get*") == []


def test_a_reason_that_is_not_needed_any_more_fails(folder: Path) -> None:
    justify(folder, "reader: Policy: sqs:Get*: ACTION_WILDCARD")
    assert findings(folder) == ["reader: Policy: sqs:Get*: ACTION_WILDCARD is justified but does not occur"]
