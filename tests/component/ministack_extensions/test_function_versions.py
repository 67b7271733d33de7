"""Functions behind an alias: topic and Invoke reach the published version, with its retries and dead letters."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.emulated_account import Account, Deployment
from support.waiting import wait_until

HANDLER = """
import json, os, time

def handle(event, context):
    if "seconds" in event:
        open(os.environ["OUTCOMES"] + ".begun", "w").close()
        time.sleep(event["seconds"])
    line = json.dumps([CODE, os.environ["COLOUR"], context.function_version, context.invoked_function_arn])
    with open(os.environ["OUTCOMES"], "a") as file:
        file.write(line + "\\n")
    if "fail" in json.dumps(event):
        raise ValueError("as told")
    return CODE
"""

TEMPLATE: dict[str, Any] = {
    "Parameters": {name: {"Type": "String"} for name in ("Code", "Colour", "Release", "Outcomes", "Bucket")},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "DeadLetters": {"Type": "AWS::SQS::Queue"},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Description": {"Ref": "Release"},
                "Runtime": "python3.13",
                "Handler": "index.handle",
                "Role": "arn:aws:iam::000000000000:role/any",
                "Code": {"S3Bucket": {"Ref": "Bucket"}, "S3Key": {"Ref": "Code"}},
                "Environment": {"Variables": {"OUTCOMES": {"Ref": "Outcomes"}, "COLOUR": {"Ref": "Colour"}}},
                "Timeout": 20,
                "ReservedConcurrentExecutions": 1,
                "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
                "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            },
        },
        "Version": {
            "Type": "AWS::Lambda::Version",
            "Properties": {"FunctionName": {"Ref": "Function"}, "Description": {"Ref": "Release"}},
        },
        "Alias": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
                "Name": "live",
            },
        },
        "Settings": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "DependsOn": "Alias",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "Qualifier": "live",
                "MaximumRetryAttempts": 1,
                "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}},
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Alias"},
                "Action": "lambda:InvokeFunction",
                "Principal": "sns.amazonaws.com",
                "SourceArn": {"Ref": "Topic"},
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": [{"Ref": "AWS::StackName"}]},
                "Targets": [{"Id": "alias", "Arn": {"Ref": "Alias"}}],
            },
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "DependsOn": "Permission",
            "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "lambda", "Endpoint": {"Ref": "Alias"}},
        },
    },
    "Outputs": {
        "Topic": {"Value": {"Ref": "Topic"}},
        "DeadLetters": {"Value": {"Ref": "DeadLetters"}},
        "Function": {"Value": {"Ref": "Function"}},
        "Alias": {"Value": {"Ref": "Alias"}},
        "Version": {"Value": {"Fn::GetAtt": ["Version", "Version"]}},
    },
}


@dataclass
class Function:
    """A deployed function, which writes down how it was called."""

    account: Account
    stack: str
    bucket: str
    outcomes: Path
    deployment: Deployment = field(init=False)

    def deploy(self, code: str, colour: str, release: str) -> Deployment:
        self.deployment = self.account.deploy(
            self.stack,
            TEMPLATE,
            Code=code,
            Colour=colour,
            Release=release,
            Outcomes=str(self.outcomes),
            Bucket=self.bucket,
        )
        return self.deployment

    def publish(self, message: str) -> None:
        self.account.client("sns").publish(TopicArn=self.deployment.outputs["Topic"], Message=message)

    def invoke(self, **arguments: Any) -> Any:
        return self.account.client("lambda").invoke(FunctionName=self.deployment.outputs["Alias"], **arguments)

    def calls(self) -> list[list[str]]:
        """Return code, colour, version and ARN of each call so far."""
        return [json.loads(line) for line in self.outcomes.read_text().splitlines()]


@pytest.fixture
def function(account: Account, stack: str, tmp_path: Path) -> Function:
    bucket = f"code-{uuid4().hex[:8]}"
    s3 = account.client("s3")
    s3.create_bucket(Bucket=bucket)
    for name in ("one", "two"):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("index.py", f"CODE = {name!r}\n{HANDLER}")
        s3.put_object(Bucket=bucket, Key=name, Body=content.getvalue())
    outcomes = tmp_path / "outcomes"
    outcomes.touch()
    function = Function(account, stack, bucket, outcomes)
    assert function.deploy("one", "red", "1").status == "CREATE_COMPLETE"
    return function


def test_topic_and_asynchronous_invoke_reach_the_version_of_the_alias(function: Function) -> None:
    function.publish("hello")
    function.invoke(InvocationType="Event", Payload="{}")
    wait_until(lambda: len(function.calls()) == 2)
    assert function.calls() == [["one", "red", "1", function.deployment.outputs["Alias"]]] * 2


@pytest.mark.parametrize("source", ["topic", "rule"])
def test_what_fails_behind_an_alias_is_tried_again_as_its_settings_say_and_becomes_a_dead_letter(
    function: Function, source: str
) -> None:
    if source == "topic":
        function.publish("fail")
    else:
        event = {"Source": function.stack, "DetailType": "test", "Detail": json.dumps({"do": "fail"})}
        function.account.client("events").put_events(Entries=[event])
    letters: list[Any] = []

    def arrived() -> bool:
        sqs = function.account.client("sqs")
        letters.extend(sqs.receive_message(QueueUrl=function.deployment.outputs["DeadLetters"]).get("Messages", []))
        return bool(letters)

    wait_until(arrived)
    assert len(function.calls()) == 2  # the settings of the alias allow one retry
    assert len(letters) == 1


def test_an_update_publishes_code_and_configuration_and_the_alias_runs_them(function: Function) -> None:
    update = function.deploy("two", "blue", "2")
    assert update.changes == {
        "Function": ("Modify", "False"),
        "Version": ("Modify", "True"),
        "Alias": ("Modify", "False"),
    }
    assert update.outputs["Version"] == "2"
    assert json.loads(function.invoke()["Payload"].read()) == "two"
    assert function.calls()[-1][:3] == ["two", "blue", "2"]


def test_an_invocation_that_has_begun_is_finished_by_the_code_that_an_update_replaces(function: Function) -> None:
    invoke, latest = function.account.client("lambda").invoke, function.deployment.outputs["Function"]
    invoke(FunctionName=latest, InvocationType="Event", Payload=json.dumps({"seconds": 4}))
    wait_until(function.outcomes.with_name("outcomes.begun").exists)
    assert function.deploy("two", "blue", "2").status == "UPDATE_COMPLETE"
    wait_until(lambda: bool(function.calls()))
    assert function.calls()[0][:2] == ["one", "red"]
    assert json.loads(invoke(FunctionName=latest)["Payload"].read()) == "two"


def test_the_alias_runs_the_old_version_until_a_new_one_is_published(function: Function) -> None:
    functions, name = function.account.client("lambda"), function.deployment.outputs["Function"]
    functions.update_function_code(FunctionName=name, S3Bucket=function.bucket, S3Key="two")
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"COLOUR": "blue"}})
    assert json.loads(function.invoke()["Payload"].read()) == "one"
    assert function.calls()[-1][:3] == ["one", "red", "1"]


def test_a_failed_update_leaves_the_alias_with_the_old_version(function: Function) -> None:
    broken = json.loads(json.dumps(TEMPLATE))
    broken["Resources"]["Bad"] = {
        "Type": "AWS::EC2::NatGateway",
        "DependsOn": "Alias",
        "Properties": {"SubnetId": "subnet-0"},
    }
    update = function.account.deploy(
        function.stack,
        broken,
        Code="two",
        Colour="blue",
        Release="2",
        Outcomes=str(function.outcomes),
        Bucket=function.bucket,
    )
    assert update.status == "UPDATE_ROLLBACK_COMPLETE"
    assert json.loads(function.invoke()["Payload"].read()) == "one"
    assert function.calls()[-1][:3] == ["one", "red", "1"]


def test_versions_share_what_their_function_reserves(function: Function) -> None:
    functions = function.account.client("lambda")
    function.invoke(InvocationType="Event", Payload=json.dumps({"seconds": 1}))

    def is_throttled() -> bool:
        try:
            functions.invoke(FunctionName=function.deployment.outputs["Alias"], Payload="{}")
        except functions.exceptions.TooManyRequestsException:
            return True
        return False

    wait_until(is_throttled)


def test_a_function_keeps_where_its_network_and_its_dead_letters_are(function: Function) -> None:
    alias = function.deployment.outputs["Alias"]
    configuration = function.account.client("lambda").get_function_configuration(FunctionName=alias)
    assert configuration["VpcConfig"]["SubnetIds"] == ["subnet-1"]
    assert configuration["VpcConfig"]["SecurityGroupIds"] == ["sg-1"]
    assert configuration["DeadLetterConfig"]["TargetArn"].startswith("arn:aws:sqs:")


def test_the_topic_may_invoke_the_alias(function: Function) -> None:
    name = function.deployment.outputs["Function"]
    policy = function.account.client("lambda").get_policy(FunctionName=name, Qualifier="live")["Policy"]
    (statement,) = json.loads(policy)["Statement"]
    assert statement["Resource"] == function.deployment.outputs["Alias"]
