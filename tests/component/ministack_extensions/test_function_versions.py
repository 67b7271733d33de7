"""Functions with an alias: events reach the published version, with its retries and dead letters."""

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.emulated_account import RELEASE, Account, Deployment, failing, function_package
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

TEMPLATE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("function_versions.yaml").read_text())
TEMPLATE["Resources"] |= RELEASE
BROKEN: dict[str, Any] = copy.deepcopy(TEMPLATE)
BROKEN["Resources"]["Bad"] = failing("Alias")


@dataclass
class Function:
    """A deployed function, which records its calls in a file."""

    account: Account
    stack: str
    bucket: str
    outcomes: Path
    deployment: Deployment = field(init=False)

    def deploy(self, code: str, colour: str, release: str, template: dict[str, Any] = TEMPLATE) -> Deployment:
        parameters = {"Code": code, "Colour": colour, "Release": release}
        places = {"Outcomes": str(self.outcomes), "Bucket": self.bucket}
        self.deployment = self.account.deploy(self.stack, template, **parameters, **places)
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
    bucket, s3 = account.new_bucket(), account.client("s3")
    for name in ("one", "two"):
        s3.put_object(Bucket=bucket, Key=name, Body=function_package(f"CODE = {name!r}\n{HANDLER}"))
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
def test_a_failing_event_is_retried_as_the_alias_is_configured_and_becomes_a_dead_letter(
    function: Function, source: str
) -> None:
    if source == "topic":
        function.publish("fail")
    else:
        event = {"Source": function.stack, "DetailType": "test", "Detail": json.dumps({"do": "fail"})}
        function.account.client("events").put_events(Entries=[event])
    assert len(function.account.receive(function.deployment.outputs["DeadLetters"], "as told")) == 1
    assert len(function.calls()) == 2  # the settings of the alias allow one retry


def test_the_alias_runs_the_code_and_configuration_of_an_update(function: Function) -> None:
    update = function.deploy("two", "blue", "2")
    assert update.changes == {
        "Function": ("Modify", "False"),
        "Version": ("Modify", "True"),
        "Alias": ("Modify", "False"),
    }
    assert update.outputs["Version"] == "2"
    assert json.loads(function.invoke()["Payload"].read()) == "two"
    assert function.calls()[-1][:3] == ["two", "blue", "2"]


def test_an_invocation_is_finished_by_its_code_even_if_an_update_replaces_it(function: Function) -> None:
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
    assert function.deploy("two", "blue", "2", BROKEN).status == "UPDATE_ROLLBACK_COMPLETE"
    assert json.loads(function.invoke()["Payload"].read()) == "one"
    assert function.calls()[-1][:3] == ["one", "red", "1"]


def test_a_function_keeps_its_network_and_dead_letter_configuration(function: Function) -> None:
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
