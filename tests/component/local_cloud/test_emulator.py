"""The emulator with its extensions: what AWS does and MiniStack alone does not."""

import io
import itertools
import json
import socket
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import psutil
import pytest

from local_cloud import LocalCloudError
from local_cloud.emulator import CREDENTIALS, REGION, Emulator

HANDLER = """
import json, os, pathlib, time

def handle(event, context):
    record = json.loads(event["Records"][0]["Sns"]["Message"])["Records"][0] if "Records" in event else event
    key = record["s3"]["object"]["key"] if "s3" in record else record.get("key", "")
    folder = pathlib.Path(os.environ["OUTCOMES"])
    started = time.time()
    time.sleep(record.get("seconds", 0.01))
    (folder / f"{time.time_ns()}").write_text(json.dumps([key, started, time.time()]))
    if "bad" in key:
        raise ValueError(f"a bad photo: {key}")
    return sorted(os.environ)
"""


def template(outcomes: Path) -> dict[str, Any]:
    """Return a bucket whose uploads a topic announces to a function with one execution at a time."""
    return {
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic"},
            "TopicPolicy": {
                "Type": "AWS::SNS::TopicPolicy",
                "Properties": {
                    "Topics": [{"Ref": "Topic"}],
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": {
                            "Effect": "Allow",
                            "Principal": {"Service": "s3.amazonaws.com"},
                            "Action": "sns:Publish",
                            "Resource": {"Ref": "Topic"},
                        },
                    },
                },
            },
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "DependsOn": "TopicPolicy",
                "Properties": {
                    "BucketName": "photos",
                    "NotificationConfiguration": {
                        "TopicConfigurations": [
                            {
                                "Event": "s3:ObjectCreated:*",
                                "Topic": {"Ref": "Topic"},
                                "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "uploads/"}]}},
                            }
                        ]
                    },
                },
            },
            "DeadLetters": {"Type": "AWS::SQS::Queue"},
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "look",
                    "Runtime": "python3.13",
                    "Handler": "index.handle",
                    "Role": "arn:aws:iam::000000000000:role/any",
                    "Code": {"S3Bucket": "code", "S3Key": "function.zip"},
                    "Environment": {"Variables": {"OUTCOMES": str(outcomes)}},
                    "Timeout": 20,
                    "ReservedConcurrentExecutions": 1,
                    "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
                },
            },
            "Settings": {
                "Type": "AWS::Lambda::EventInvokeConfig",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Qualifier": "$LATEST",
                    "MaximumRetryAttempts": 1,
                },
            },
            "Subscription": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {
                    "TopicArn": {"Ref": "Topic"},
                    "Protocol": "lambda",
                    "Endpoint": {"Fn::GetAtt": ["Function", "Arn"]},
                },
            },
        },
        "Outputs": {"DeadLetters": {"Value": {"Ref": "DeadLetters"}}},
    }


class Cloud:
    """An emulator with the stack above."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environ = {"PATH": "/usr/bin:/bin", "GEMINI_API_KEY": "for functions", "DATABASE_PASSWORD": "for nobody"}
        self.emulator = Emulator(folder / "my data", port, environ)
        self.outcomes = folder / "outcomes"
        self.outcomes.mkdir()
        self.dead_letters = ""

    def client(self, service: str) -> Any:
        config = botocore.config.Config(retries={"max_attempts": 0})
        session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
        return session.client(
            service,
            region_name=REGION,
            endpoint_url=self.emulator.endpoint_url,
            config=config,  # type: ignore[call-overload]
        )

    def deploy(self) -> None:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("index.py", HANDLER)
        s3 = self.client("s3")
        if not any(bucket["Name"] == "code" for bucket in s3.list_buckets()["Buckets"]):
            s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="function.zip", Body=code.getvalue())
        cloudformation = self.client("cloudformation")
        change_set = cloudformation.create_change_set(
            StackName="photos",
            ChangeSetName="creation",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps(template(self.outcomes)),
        )["Id"]
        cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=change_set, WaiterConfig={"Delay": 0.1}
        )
        cloudformation.execute_change_set(ChangeSetName=change_set)
        cloudformation.get_waiter("stack_create_complete").wait(StackName="photos", WaiterConfig={"Delay": 0.1})
        (output,) = cloudformation.describe_stacks(StackName="photos")["Stacks"][0]["Outputs"]
        self.dead_letters = output["OutputValue"]

    def seen(self, prefix: str) -> list[tuple[str, float, float]]:
        """Return (key, start, end) of each attempt, in order."""
        found = [json.loads(file.read_text()) for file in sorted(self.outcomes.iterdir()) if file.stat().st_size]
        return [(key, start, end) for key, start, end in found if key.startswith(prefix)]

    def events(self) -> int:
        return len(list(self.outcomes.parent.glob("my data/emulator/events/*.json")))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path_factory.mktemp("cloud"))
    cloud.emulator.start()
    try:
        cloud.deploy()
        yield cloud
    finally:
        cloud.emulator.stop()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for 300 seconds"
        time.sleep(0.02)


def put(cloud: Cloud, key: str) -> None:
    cloud.client("s3").put_object(
        Bucket="photos", Key=key, Body=b"photo", ContentType="image/jpeg", Metadata={"filename": "a%20b.jpg"}
    )


def test_a_burst_of_uploads_runs_one_at_a_time_and_loses_nothing(cloud: Cloud) -> None:
    for number in range(12):
        put(cloud, f"uploads/burst-{number}")
    wait_until(lambda: len({key for key, _, _ in cloud.seen("uploads/burst")}) == 12)
    attempts = cloud.seen("uploads/burst")
    assert all(end <= start for (_, _, end), (_, start, _) in itertools.pairwise(attempts))


def test_an_event_that_fails_is_tried_again_and_then_kept_as_a_dead_letter(cloud: Cloud) -> None:
    put(cloud, "uploads/bad")
    sqs = cloud.client("sqs")
    letters: list[Any] = []

    def arrived() -> bool:
        received = sqs.receive_message(QueueUrl=cloud.dead_letters, MaxNumberOfMessages=10).get("Messages", [])
        letters.extend(letter for letter in received if "uploads/bad" in letter["Body"])
        return bool(letters)

    wait_until(arrived)
    assert len(cloud.seen("uploads/bad")) == 2  # the stack allows one retry
    assert len(letters) == 1


def test_an_asynchronous_invocation_waits_where_a_synchronous_one_is_throttled(cloud: Cloud) -> None:
    functions = cloud.client("lambda")
    slow = json.dumps({"key": "slow", "seconds": 0.5})
    for _ in range(2):
        functions.invoke(FunctionName="look", InvocationType="Event", Payload=slow)
    time.sleep(0.2)
    with pytest.raises(functions.exceptions.TooManyRequestsException):
        functions.invoke(FunctionName="look", Payload="{}")
    wait_until(lambda: len(cloud.seen("slow")) == 2)
    (_, _, first_end), (_, second_start, _) = cloud.seen("slow")
    assert first_end <= second_start


def test_an_event_that_finds_the_function_busy_waits_and_is_no_failure(cloud: Cloud) -> None:
    wait_until(lambda: cloud.events() == 0)
    functions = cloud.client("lambda")
    slow = json.dumps({"key": "synchronous", "seconds": 1})
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(functions.invoke, FunctionName="look", Payload=slow)
        time.sleep(0.3)
        functions.invoke(FunctionName="look", InvocationType="Event", Payload=json.dumps({"key": "patient"}))
        assert "FunctionError" not in busy.result()
    wait_until(lambda: bool(cloud.seen("patient")))
    ((_, _, first_end),), ((_, second_start, _),) = cloud.seen("synchronous"), cloud.seen("patient")
    assert first_end <= second_start


def test_functions_see_nothing_of_the_users_environment_but_what_they_need(cloud: Cloud) -> None:
    wait_until(lambda: cloud.events() == 0)
    answer = cloud.client("lambda").invoke(FunctionName="look", Payload="{}")
    names = json.loads(answer["Payload"].read())
    assert "GEMINI_API_KEY" in names
    assert "DATABASE_PASSWORD" not in names
    assert "VIRTUAL_ENV" not in names


def test_only_the_loopback_is_listened_on(cloud: Cloud) -> None:
    process = psutil.Process(cloud.emulator.child.pid)
    listening = {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_a_page_of_another_site_is_refused(cloud: Cloud) -> None:
    request = urllib.request.Request(
        f"{cloud.emulator.endpoint_url}/photos", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://a.example"}
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)


def test_a_killed_emulator_keeps_photos_and_waiting_events_and_its_stack_can_be_made_again(cloud: Cloud) -> None:
    cloud.client("lambda").put_function_concurrency(FunctionName="look", ReservedConcurrentExecutions=0)
    put(cloud, "uploads/kept")
    wait_until(lambda: cloud.events() == 1)
    psutil.Process(cloud.emulator.child.pid).kill()
    cloud.emulator.start()
    kept = cloud.client("s3").get_object(Bucket="photos", Key="uploads/kept")
    assert kept["Body"].read() == b"photo"
    assert (kept["ContentType"], kept["Metadata"]) == ("image/jpeg", {"filename": "a%20b.jpg"})
    cloud.deploy()
    wait_until(lambda: bool(cloud.seen("uploads/kept")))
    put(cloud, "uploads/after")
    wait_until(lambda: bool(cloud.seen("uploads/after")))
    assert cloud.client("s3").head_object(Bucket="photos", Key="uploads/burst-0")["ContentLength"] == 5


def test_a_stopped_emulator_keeps_its_stacks(cloud: Cloud) -> None:
    cloud.emulator.stop()
    cloud.emulator.start()
    (stack,) = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    put(cloud, "uploads/again")
    wait_until(lambda: bool(cloud.seen("uploads/again")))


def test_another_emulators_answers_are_not_taken_for_its_own(cloud: Cloud, tmp_path: Path) -> None:
    port = int(cloud.emulator.endpoint_url.rsplit(":", 1)[1])
    with pytest.raises(LocalCloudError, match=f"Port {port} is in use by .*EMULATOR_PORT"):
        Emulator(tmp_path, port, {}).start()
