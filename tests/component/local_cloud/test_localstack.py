"""LocalStack with our executor: what it must do as AWS does. The application on it runs in tests/integration."""

import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import psutil
import pytest
from botocore.exceptions import WaiterError

from local_cloud import LocalCloudError, localstack
from local_cloud.emulator import CREDENTIALS, REGION
from local_cloud.localstack import LocalStack
from local_cloud.ports import free_ports

HANDLER = """
import json, os, time, urllib.request

def handle(event, context):
    print(json.dumps({"said": event.get("say", 1)}))
    time.sleep(event.get("seconds", 0))
    if "fail" in event:
        raise ValueError(event["fail"])
    if "ResponseURL" in event:
        wanted = event["ResourceProperties"]
        answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
        answer |= {"PhysicalResourceId": "thing", "Status": wanted["Status"], "Reason": "no such thing", "Data": wanted}
        urllib.request.urlopen(urllib.request.Request(
            event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"
        ))
    return {"environ": sorted(os.environ), "version": context.function_version, "now": time.time()}
"""

Client = Callable[[str], Any]


def code() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", HANDLER)
    return archive.getvalue()


def template(thing: str = "SUCCESS") -> dict[str, Any]:
    """Return a function whose log has a group of its own, with a metric, and a thing that the function makes."""
    return {
        "Resources": {
            "LogGroup": {"Type": "AWS::Logs::LogGroup"},
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        },
                    },
                    "Policies": [
                        {
                            "PolicyName": "network",
                            "PolicyDocument": {
                                "Version": "2012-10-17",
                                "Statement": {
                                    "Effect": "Allow",
                                    "Action": "ec2:CreateNetworkInterface",
                                    "Resource": "*",
                                    "Condition": {"Null": {"lambda:SourceFunctionArn": True}},
                                },
                            },
                        }
                    ],
                },
            },
            "DeadLetters": {"Type": "AWS::SQS::Queue"},
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "look",
                    "Runtime": "python3.13",
                    "Handler": "index.handle",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Code": {"S3Bucket": "code", "S3Key": "function.zip"},
                    "Timeout": 10,
                    "ReservedConcurrentExecutions": 1,
                    "LoggingConfig": {"LogFormat": "JSON", "LogGroup": {"Ref": "LogGroup"}},
                },
            },
            "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}},
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
            "Said": {
                "Type": "AWS::Logs::MetricFilter",
                "Properties": {
                    "LogGroupName": {"Ref": "LogGroup"},
                    "FilterPattern": "{ $.said >= 10 }",
                    "MetricTransformations": [
                        {"MetricNamespace": "look", "MetricName": "Said", "MetricValue": "$.said"}
                    ],
                },
            },
            "Thing": {
                "Type": "Custom::Thing",
                "Properties": {
                    "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
                    "ServiceTimeout": 30,
                    "Status": thing,
                    "Number": 5,
                },
            },
        },
        "Outputs": {
            "DeadLetters": {"Value": {"Ref": "DeadLetters"}},
            "LogGroup": {"Value": {"Ref": "LogGroup"}},
            "Number": {"Value": {"Fn::GetAtt": ["Thing", "Number"]}},
        },
    }


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    environ = {"PATH": os.environ["PATH"], "GEMINI_API_KEY": "for functions", "DATABASE_PASSWORD": "for nobody"}
    emulator = LocalStack(tmp_path_factory.mktemp("my data"), free_ports(1)[0], environ)
    emulator.start()
    try:
        yield emulator
    finally:
        emulator.stop()


@pytest.fixture(scope="module")
def client(emulator: LocalStack) -> Client:
    session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])

    def client(service: str) -> Any:
        config = botocore.config.Config(retries={"max_attempts": 0})
        return session.client(  # type: ignore[call-overload]
            service, region_name=REGION, endpoint_url=emulator.endpoint_url, config=config
        )

    return client


def execute(client: Client, name: str, body: dict[str, Any], kind: str = "CREATE") -> str:
    """Make and execute a change set; return the state of the stack that it leaves."""
    cloudformation = client("cloudformation")
    change_set = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=f"change-{time.time_ns()}",
        ChangeSetType=kind,
        TemplateBody=json.dumps(body),
        Capabilities=["CAPABILITY_IAM"],
    )["Id"]
    cloudformation.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set, WaiterConfig={"Delay": 1})
    cloudformation.execute_change_set(ChangeSetName=change_set)
    deadline = time.monotonic() + 300
    while (status := cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]).endswith("PROGRESS"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return str(status)


@pytest.fixture(scope="module")
def outputs(client: Client) -> dict[str, str]:
    """Make the stack, and return its outputs."""
    client("s3").create_bucket(Bucket="code")
    client("s3").put_object(Bucket="code", Key="function.zip", Body=code())
    assert execute(client, "look", template()) == "CREATE_COMPLETE"
    (stack,) = client("cloudformation").describe_stacks(StackName="look")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def invoke(client: Client, event: dict[str, Any], **more: str) -> Any:
    return client("lambda").invoke(FunctionName="look", Payload=json.dumps(event), **{"Qualifier": "live", **more})


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for 300 seconds"
        time.sleep(0.05)


def test_every_resource_of_a_stack_is_made(client: Client, outputs: dict[str, str]) -> None:
    resources = client("cloudformation").describe_stack_resources(StackName="look")["StackResources"]
    assert {resource["LogicalResourceId"] for resource in resources} == set(template()["Resources"])
    assert [resource for resource in resources if resource.get("PhysicalResourceId", "unknown") == "unknown"] == []


def test_an_alias_leads_to_its_version(client: Client, outputs: dict[str, str]) -> None:
    assert json.loads(invoke(client, {})["Payload"].read())["version"] == "1"
    assert json.loads(invoke(client, {}, Qualifier="$LATEST")["Payload"].read())["version"] == "$LATEST"


def test_functions_see_nothing_of_the_users_environment_but_what_they_need(
    client: Client, outputs: dict[str, str]
) -> None:
    names = json.loads(invoke(client, {})["Payload"].read())["environ"]
    assert {"GEMINI_API_KEY", "AWS_ENDPOINT_URL"} <= set(names)
    assert not {"DATABASE_PASSWORD", "SERVICES", "VIRTUAL_ENV"} & set(names)


def test_versions_share_the_reserved_concurrency(client: Client, outputs: dict[str, str]) -> None:
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(invoke, client, {"seconds": 1})
        time.sleep(0.3)
        with pytest.raises(client("lambda").exceptions.TooManyRequestsException):
            invoke(client, {}, Qualifier="$LATEST")
        assert "FunctionError" not in busy.result()


def test_an_event_that_fails_is_tried_again_and_then_kept_as_a_dead_letter(
    client: Client, outputs: dict[str, str]
) -> None:
    invoke(client, {"fail": "for good"}, InvocationType="Event")
    letters: list[Any] = []

    def arrived() -> bool:
        letters.extend(client("sqs").receive_message(QueueUrl=outputs["DeadLetters"]).get("Messages", []))
        return bool(letters)

    wait_until(arrived)
    letter = json.loads(letters[0]["Body"])
    assert letter["requestPayload"] == {"fail": "for good"}
    assert (letter["requestContext"]["condition"], letter["requestContext"]["approximateInvokeCount"]) == (
        "RetriesExhausted",
        2,
    )
    assert letter["responsePayload"]["errorMessage"] == "for good"


def test_the_log_of_a_function_goes_where_its_template_says_and_becomes_a_metric(
    client: Client, outputs: dict[str, str]
) -> None:
    for number in (3, 12):
        invoke(client, {"say": number})

    def lines() -> list[Any]:
        events = client("logs").filter_log_events(logGroupName=outputs["LogGroup"])["events"]
        return [json.loads(event["message"]) for event in events]

    wait_until(lambda: {"said": 12} in lines())
    assert {"platform.start", "platform.report"} <= {line.get("type") for line in lines()}
    names = [group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]]
    assert "/aws/lambda/look" not in names

    def points() -> list[Any]:
        found = client("cloudwatch").get_metric_statistics(
            Namespace="look",
            MetricName="Said",
            StartTime=time.time() - 300,
            EndTime=time.time() + 300,
            Period=600,
            Statistics=["Sum"],
        )["Datapoints"]
        return [point["Sum"] for point in found]

    wait_until(lambda: points() == [12.0])


def test_a_custom_resource_is_told_texts_and_gives_attributes(outputs: dict[str, str]) -> None:
    assert outputs["Number"] == "5"


def test_a_custom_resource_that_fails_takes_its_stack_back_and_says_why(
    client: Client, outputs: dict[str, str]
) -> None:
    token = client("lambda").get_function(FunctionName="look")["Configuration"]["FunctionArn"]
    thing = {"Type": "Custom::Thing", "Properties": {"ServiceToken": token, "Status": "FAILED"}}
    assert execute(client, "failing", {"Resources": {"Thing": thing}}) == "ROLLBACK_COMPLETE"
    events = client("cloudformation").describe_stack_events(StackName="failing")["StackEvents"]
    assert any("no such thing" in event.get("ResourceStatusReason", "") for event in events)


def test_a_resource_that_it_cannot_make_is_refused(client: Client) -> None:
    body = {"Resources": {"Trail": {"Type": "AWS::CloudTrail::Trail", "Properties": {}}}}
    with pytest.raises(WaiterError) as refused:
        execute(client, "unknown", body)
    assert "AWS::CloudTrail::Trail" in refused.value.last_response["StatusReason"]


def test_only_the_loopback_is_listened_on(emulator: LocalStack, client: Client, outputs: dict[str, str]) -> None:
    invoke(client, {})
    process = psutil.Process(emulator.child.pid)
    connections = [
        connection for one in (process, *process.children(recursive=True)) for connection in one.net_connections("inet")
    ]
    assert {connection.laddr.ip for connection in connections} == {"127.0.0.1"}
    assert {connection.raddr.ip for connection in connections if connection.raddr} <= {"127.0.0.1"}


def test_another_emulators_answers_are_not_taken_for_its_own(emulator: LocalStack, tmp_path: Path) -> None:
    port = int(emulator.endpoint_url.rsplit(":", 1)[1])
    with pytest.raises(LocalCloudError, match=f"Port {port} is in use by .*EMULATOR_PORT"):
        LocalStack(tmp_path, port, {}).start()


def test_it_says_that_it_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localstack, "PYTHON", tmp_path / "python")
    with pytest.raises(LocalCloudError, match=r"not installed.*make integration"):
        LocalStack(tmp_path, free_ports(1)[0], {}).start()


def test_a_start_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    class WithoutServer(LocalStack):
        def environ(self) -> dict[str, str]:
            return super().environ() | {"GATEWAY_SERVER": "missing"}

    with pytest.raises(LocalCloudError, match=r"LocalStack does not start:\n(.*\n)*.*missing"):
        WithoutServer(tmp_path, free_ports(1)[0], {"PATH": os.environ["PATH"]}).start()


def test_stopping_leaves_no_process_and_no_listener_and_the_next_start_is_empty(
    emulator: LocalStack, client: Client, outputs: dict[str, str]
) -> None:
    invoke(client, {})
    process = psutil.Process(emulator.child.pid)
    family = [process, *process.children(recursive=True)]
    assert len(family) > 1
    emulator.stop()
    assert [one for one in family if one.is_running()] == []
    assert not emulator.answers()
    emulator.start()
    assert client("cloudformation").describe_stacks()["Stacks"] == []
    assert client("s3").list_buckets()["Buckets"] == []
