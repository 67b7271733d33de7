"""Both emulators do what AWS does. The complete application runs on them in tests/integration."""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml

from local_cloud import LocalCloudError, localstack
from local_cloud.emulator import Emulator
from local_cloud.localstack import LocalStack
from local_cloud.ministack import MiniStack
from servers import ServerError
from servers.ports import free_ports
from support.emulated_account import RELEASE, Account, function_package
from support.waiting import wait_until

EMULATORS = {"ministack": MiniStack, "localstack": LocalStack}
ENVIRON = {"PATH": os.environ["PATH"], "GEMINI_API_KEY": "for functions", "DATABASE_PASSWORD": "secret"}
INVOKE_COUNT = {"localstack": 2, "ministack": 3}
"""What a dead letter says after two attempts: MiniStack counts one too many."""

HANDLER = """
import json, os, pathlib, time, urllib.request

def handle(event, context):
    record = json.loads(event["Records"][0]["Sns"]["Message"])["Records"][0] if "Records" in event else event
    key = record["s3"]["object"]["key"] if "s3" in record else record.get("key", "")
    started = time.time()
    print(json.dumps({"said": record.get("say", 1)}))
    time.sleep(record.get("seconds", 0.01))
    outcome = pathlib.Path(os.environ["OUTCOMES"]) / f"{time.time_ns()}"
    outcome.write_text(json.dumps([key, started, time.time()]))
    if "bad" in key:
        raise ValueError(f"a bad photo: {key}")
    if "ResponseURL" in event:
        wanted = event["ResourceProperties"]
        answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
        answer |= {"PhysicalResourceId": "thing", "Status": wanted["Status"], "Reason": "no such thing", "Data": wanted}
        urllib.request.urlopen(urllib.request.Request(
            event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"
        ))
    return {"environ": sorted(os.environ), "version": context.function_version}
"""


def template(emulator: str) -> dict[str, Any]:
    """Return the function, its release, and resources that only this emulator has."""
    function, added = (
        yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text()) for name in ("function", emulator)
    )
    added["Resources"] |= RELEASE
    return {name: {**function[name], **added.get(name, {})} for name in function}


class Cloud:
    """An emulator with a stack: a function that runs one event at a time, and what announces events to it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.emulator: Emulator = EMULATORS[name](folder / "my data", free_ports(1)[0], ENVIRON)
        self.template = template(name)
        self.outcomes = folder / "outcomes"
        self.outcomes.mkdir()
        self.account = Account(self.emulator.endpoint_url)
        self.functions = self.account.client("lambda")
        self.outputs: dict[str, str] = {}

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.emulator.child.pid)

    def deploy(self) -> None:
        s3 = self.account.client("s3")
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="function.zip", Body=function_package(HANDLER))
        deployment = self.account.deploy("photos", self.template, Outcomes=str(self.outcomes))
        assert deployment.status == "CREATE_COMPLETE", deployment
        self.outputs = deployment.outputs

    def deploy_schedule(self) -> None:
        role = self.functions.get_function_configuration(FunctionName="look")["Role"]
        scheduled = yaml.safe_load(Path(__file__).with_name("scheduled.yaml").read_text())
        deployment = self.account.deploy("scheduled", scheduled, Outcomes=str(self.outcomes), Role=role)
        assert deployment.status == "CREATE_COMPLETE", deployment

    def invoke(self, event: dict[str, Any], function: str = "", kind: str = "RequestResponse") -> Any:
        name = function or self.outputs["Alias"]
        return self.functions.invoke(FunctionName=name, Payload=json.dumps(event), InvocationType=kind)

    def answer(self, function: str = "") -> Any:
        """Invoke the function when no event is waiting for it, and return its result."""
        wait_until(lambda: self.waiting_events() == 0)
        return json.loads(self.invoke({}, function)["Payload"].read())

    def dead_letter(self, text: str) -> Any:
        """Wait for the dead letter that contains a text, and return it."""
        (body,) = self.account.receive(self.outputs["DeadLetters"], text)
        return json.loads(body)

    def upload(self, key: str) -> None:
        self.account.client("s3").put_object(
            Bucket="photos", Key=key, Body=b"photo", ContentType="image/jpeg", Metadata={"filename": "a%20b.jpg"}
        )

    def attempts(self, prefix: str) -> list[tuple[str, float, float]]:
        """Return (key, start, end) of each attempt, in order."""
        found = [json.loads(file.read_text()) for file in sorted(self.outcomes.iterdir()) if file.stat().st_size]
        return [(key, start, end) for key, start, end in found if key.startswith(prefix)]

    def waiting_events(self) -> int:
        return len(list(self.outcomes.parent.glob("my data/emulator/events/*.json")))


@pytest.fixture(scope="module")
def new_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Cloud]]:
    """Start an emulator with its stack; they are stopped at the end."""
    clouds: list[Cloud] = []

    def start(name: str) -> Cloud:
        clouds.append(Cloud(name, tmp_path_factory.mktemp(name)))
        clouds[-1].emulator.start()
        clouds[-1].deploy()
        clouds[-1].deploy_schedule()  # now: its minute passes while other tests run
        return clouds[-1]

    yield start
    for cloud in clouds:
        cloud.emulator.stop()


@pytest.fixture(scope="module")
def on_ministack(new_cloud: Callable[[str], Cloud]) -> Cloud:
    return new_cloud("ministack")


@pytest.fixture(scope="module")
def on_localstack(new_cloud: Callable[[str], Cloud]) -> Cloud:
    return new_cloud("localstack")


@pytest.fixture(params=EMULATORS)
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Run a test on each emulator."""
    cloud: Cloud = request.getfixturevalue(f"on_{request.param}")
    return cloud


def test_every_resource_of_a_stack_is_created(cloud: Cloud) -> None:
    resources = cloud.account.resources("photos")
    assert set(resources) == set(cloud.template["Resources"])
    assert all(physical_id and physical_id != "unknown" for physical_id in resources.values())


def test_an_alias_runs_its_version(cloud: Cloud) -> None:
    assert cloud.answer()["version"] == "1"
    assert cloud.answer("look")["version"] == "$LATEST"


def test_functions_get_only_the_variables_they_need(cloud: Cloud) -> None:
    names = set(cloud.answer()["environ"])
    assert {"GEMINI_API_KEY", "AWS_ENDPOINT_URL"} <= names
    assert not {"DATABASE_PASSWORD", "SERVICES", "VIRTUAL_ENV"} & names


def test_a_failing_event_is_retried_and_then_becomes_a_dead_letter(cloud: Cloud) -> None:
    cloud.invoke({"key": "bad"}, kind="Event")
    letter = cloud.dead_letter("a bad photo: bad")
    assert letter["requestPayload"] == {"key": "bad"}
    assert letter["requestContext"]["condition"] == "RetriesExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] == INVOKE_COUNT[cloud.name]
    assert letter["responsePayload"]["errorMessage"] == "a bad photo: bad"
    assert len(cloud.attempts("bad")) == 2  # the stack allows one retry


def test_versions_share_the_reserved_concurrency(cloud: Cloud) -> None:
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(cloud.invoke, {"seconds": 1})
        time.sleep(0.3)
        with pytest.raises(cloud.functions.exceptions.TooManyRequestsException):
            cloud.answer("look")
        assert "FunctionError" not in busy.result()


def test_only_the_loopback_is_used(cloud: Cloud) -> None:
    cloud.answer()
    processes = (cloud.process, *cloud.process.children(recursive=True))
    connections = [connection for process in processes for connection in process.net_connections("inet")]
    assert {connection.laddr.ip for connection in connections} == {"127.0.0.1"}
    assert {connection.raddr.ip for connection in connections if connection.raddr} <= {"127.0.0.1"}


def test_a_second_emulator_on_the_same_port_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    port = int(cloud.emulator.endpoint_url.rsplit(":", 1)[1])
    with pytest.raises(ServerError, match=f"Port {port} is in use by .*EMULATOR_PORT"):
        type(cloud.emulator)(tmp_path, port, {}).start()


def test_a_burst_of_uploads_runs_one_at_a_time_and_loses_nothing(on_ministack: Cloud) -> None:
    for number in range(12):
        on_ministack.upload(f"uploads/burst-{number}")
    wait_until(lambda: len({key for key, _, _ in on_ministack.attempts("uploads/burst")}) == 12)
    attempts = on_ministack.attempts("uploads/burst")
    assert all(end <= start for (_, _, end), (_, start, _) in itertools.pairwise(attempts))


def test_a_failing_upload_is_retried_and_then_becomes_a_dead_letter(on_ministack: Cloud) -> None:
    on_ministack.upload("uploads/bad")
    assert on_ministack.dead_letter("uploads/bad")
    assert len(on_ministack.attempts("uploads/bad")) == 2


def test_an_asynchronous_invocation_waits_where_a_synchronous_one_is_throttled(on_ministack: Cloud) -> None:
    for _ in range(2):
        on_ministack.invoke({"key": "slow", "seconds": 0.5}, kind="Event")
    time.sleep(0.2)
    with pytest.raises(on_ministack.functions.exceptions.TooManyRequestsException):
        on_ministack.invoke({})
    wait_until(lambda: len(on_ministack.attempts("slow")) == 2)
    (_, _, first_end), (_, second_start, _) = on_ministack.attempts("slow")
    assert first_end <= second_start


def test_an_event_for_a_busy_function_waits_and_does_not_count_as_a_failure(on_ministack: Cloud) -> None:
    wait_until(lambda: on_ministack.waiting_events() == 0)
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(on_ministack.invoke, {"key": "synchronous", "seconds": 1})
        time.sleep(0.3)
        on_ministack.invoke({"key": "patient"}, kind="Event")
        assert "FunctionError" not in busy.result()
    wait_until(lambda: on_ministack.attempts("patient"))
    (first,), (second,) = on_ministack.attempts("synchronous"), on_ministack.attempts("patient")
    assert first[2] <= second[1]


def test_a_page_of_another_site_is_refused(on_ministack: Cloud) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://a.example"}
    answer = requests.get(f"{on_ministack.emulator.endpoint_url}/photos", headers=headers, timeout=30)
    assert answer.status_code == 403


def test_a_schedule_invokes_its_alias_with_its_input(cloud: Cloud) -> None:
    wait_until(lambda: cloud.attempts("scheduled"), "the schedule has invoked nothing", seconds=150)


def test_a_killed_ministack_keeps_photos_and_events_and_its_stack_can_be_created_again(on_ministack: Cloud) -> None:
    account = on_ministack.account
    on_ministack.functions.put_function_concurrency(FunctionName="look", ReservedConcurrentExecutions=0)
    on_ministack.upload("uploads/kept")
    wait_until(lambda: on_ministack.waiting_events() == 1)
    on_ministack.process.kill()
    on_ministack.emulator.start()
    kept = account.client("s3").get_object(Bucket="photos", Key="uploads/kept")
    assert kept["Body"].read() == b"photo"
    assert (kept["ContentType"], kept["Metadata"]) == ("image/jpeg", {"filename": "a%20b.jpg"})
    on_ministack.deploy()
    wait_until(lambda: on_ministack.attempts("uploads/kept"))
    on_ministack.upload("uploads/after")
    wait_until(lambda: on_ministack.attempts("uploads/after"))
    assert account.client("s3").head_object(Bucket="photos", Key="uploads/burst-0")["ContentLength"] == 5


def test_a_stopped_ministack_keeps_its_stacks(on_ministack: Cloud) -> None:
    on_ministack.emulator.stop()
    on_ministack.emulator.start()
    assert on_ministack.account.status("photos") == "CREATE_COMPLETE"
    on_ministack.upload("uploads/again")
    wait_until(lambda: on_ministack.attempts("uploads/again"))


def test_the_log_of_a_function_on_localstack_goes_to_the_group_of_its_template_and_becomes_a_metric(
    on_localstack: Cloud,
) -> None:
    account = on_localstack.account
    for number in (3, 12):
        on_localstack.invoke({"say": number})

    def lines() -> list[Any]:
        events = account.client("logs").filter_log_events(logGroupName=on_localstack.outputs["LogGroup"])["events"]
        return [json.loads(event["message"]) for event in events]

    wait_until(lambda: {"said": 12} in lines())
    assert {"platform.start", "platform.report"} <= {line.get("type") for line in lines()}
    names = [group["logGroupName"] for group in account.client("logs").describe_log_groups()["logGroups"]]
    assert "/aws/lambda/look" not in names

    def points() -> list[float]:
        statistics = account.client("cloudwatch").get_metric_statistics(
            Namespace="look",
            MetricName="Said",
            StartTime=time.time() - 300,
            EndTime=time.time() + 300,
            Period=600,
            Statistics=["Sum"],
        )
        return [point["Sum"] for point in statistics["Datapoints"]]

    wait_until(lambda: points() == [12.0])


def test_a_custom_resource_gets_text_values_and_returns_attributes(on_localstack: Cloud) -> None:
    assert on_localstack.outputs["Number"] == "5"


def test_a_failing_custom_resource_rolls_its_stack_back_with_its_reason(on_localstack: Cloud) -> None:
    token = on_localstack.functions.get_function(FunctionName="look")["Configuration"]["FunctionArn"]
    thing = {"Type": "Custom::Thing", "Properties": {"ServiceToken": token, "Status": "FAILED"}}
    deployment = on_localstack.account.deploy("failing", {"Resources": {"Thing": thing}})
    assert deployment.status == "ROLLBACK_COMPLETE"
    assert "no such thing" in deployment.failures["Thing"]


def test_localstack_refuses_a_resource_type_that_it_lacks(on_localstack: Cloud) -> None:
    trail = {"Type": "AWS::CloudTrail::Trail", "Properties": {}}
    deployment = on_localstack.account.deploy("unknown", {"Resources": {"Trail": trail}})
    assert deployment.status == "FAILED"
    assert "AWS::CloudTrail::Trail" in deployment.failures["unknown"]


def test_a_missing_localstack_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localstack, "PYTHON", tmp_path / "python")
    with pytest.raises(LocalCloudError, match=r"not installed.*make integration"):
        LocalStack(tmp_path, free_ports(1)[0], {}).start()


def test_a_failed_start_shows_the_log_tail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = LocalStack.environ
    monkeypatch.setattr(LocalStack, "environ", lambda self: {**environ(self), "GATEWAY_SERVER": "missing"})
    with pytest.raises(ServerError, match=r"The emulator did not start.*\n(.*\n)*.*missing"):
        LocalStack(tmp_path, free_ports(1)[0], ENVIRON).start()


def test_a_stopped_localstack_leaves_no_process_and_starts_empty(on_localstack: Cloud) -> None:
    on_localstack.answer()
    processes = [on_localstack.process, *on_localstack.process.children(recursive=True)]
    assert len(processes) > 1
    on_localstack.emulator.stop()
    assert not any(process.is_running() for process in processes)
    assert on_localstack.emulator.problem()
    on_localstack.emulator.start()
    assert on_localstack.account.client("cloudformation").describe_stacks()["Stacks"] == []
    assert on_localstack.account.client("s3").list_buckets()["Buckets"] == []
