"""Each action that a service calls is granted on exactly its resources, and nothing more is granted.

The calls are those that the services of a whole environment make while people use it. `pytest -rP` shows the table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

import photos
from catalog.uploads import StoredObject, new_id, notification, thumbnail_key, upload_key
from deploy.apply import deploy
from deploy.environment import Environment
from deploy.plan import Outputs
from emulated_environment import (
    ACCOUNT,
    catalogue,
    environment_of,
    prepared_account,
    resources,
    silent,
    with_parameters,
)
from gallery_client import GalleryClient
from gemini_server import GeminiServer
from least_privilege.rights import Call, Right, granted, needed, table
from local_cloud import REPOSITORY
from local_cloud.emulator import Emulator, client_environ
from local_cloud.gallery import SERVICES, Gallery
from running_cloud import free_ports

HOOK = REPOSITORY / "tests" / "least_privilege" / "hook"
WAIT_SECONDS = 60
ATTEMPTS = 5

FUNCTIONS = {
    "catalog": ("catalog", "FunctionName"),
    "sweep": ("catalog", "SweepFunctionName"),
    "thumbnail": ("thumbnail", "FunctionName"),
    "annotate": ("annotate", "FunctionName"),
}
"""The Lambda functions, each with the stack and the output that name it."""


class RecordedEmulator(Emulator):
    """An emulator that records the calls of the functions it runs: they inherit its environment."""

    def __init__(self, data: Path, port: int, environ: Mapping[str, str], variables: Mapping[str, str]) -> None:
        super().__init__(data, port, environ, databases=True)
        self._variables = variables

    def environ(self) -> dict[str, str]:
        return {**super().environ(), **self._variables}


@dataclass
class Cloud:
    """An environment whose services' calls are recorded."""

    environment: Environment
    outputs: Outputs
    endpoint_url: str
    folder: Path

    @property
    def bucket(self) -> str:
        return self.outputs["images"]["BucketName"]

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=self.environment.region)  # type: ignore[call-overload]

    def function(self, service: str) -> str:
        stack, output = FUNCTIONS[service]
        return self.outputs[stack][output]

    def physical_id(self, stack: str, resource: str) -> str:
        found = resources(self.environment.region, self.environment.stack_name(stack))
        return str(next(one["PhysicalResourceId"] for one in found if one["LogicalResourceId"] == resource))

    def calls(self) -> dict[str, list[Call]]:
        """Return what was recorded so far by the service."""
        calls: dict[str, list[Call]] = {"web": Call.read(self.folder / "web.jsonl")}
        services = {self.function(service): service for service in FUNCTIONS}
        for call in Call.read(self.folder / "functions.jsonl"):
            calls.setdefault(services[call.function], []).append(call)
        return calls

    def role(self, service: str) -> str:
        if service == "web":
            return self.physical_id("web", "Role")
        configuration = self.client("lambda").get_function_configuration(FunctionName=self.function(service))
        return str(configuration["Role"]).rpartition("/")[2]

    def granted(self, service: str) -> set[Right]:
        """Return what the role of a service allows."""
        iam, role = self.client("iam"), self.role(service)
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return {self._exact(right) for document in documents for right in granted(service, document)}

    def needed(self, service: str) -> set[Right]:
        """Return what the calls of a service need."""
        return {self._exact(right) for right in needed(service, self.calls().get(service, []))}

    def _exact(self, right: Right) -> Right:
        """Name a secret by its ARN: the emulator's `Ref` of a secret is its name, on AWS it is the ARN."""
        if right.action != "secretsmanager:GetSecretValue":
            return right
        secret = self.client("secretsmanager").describe_secret(SecretId=right.resource)
        return replace(right, resource=secret["ARN"])


@dataclass(frozen=True)
class Usage:
    """What became of a use of the whole environment."""

    needed: set[Right]
    granted: set[Right]
    platform: dict[Right, str]
    """Rights that AWS itself uses in the name of a service, with the reason."""
    roles: set[str]
    annotate_without_gemini: set[Right]


@pytest.fixture(scope="module")
def usage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Usage]:
    folder = tmp_path_factory.mktemp("least-privilege")
    emulator_port, gallery_port = free_ports(2)
    environment = environment_of("staging")
    with GeminiServer() as gemini:
        environ = {"PATH": os.environ["PATH"], "GOOGLE_GEMINI_BASE_URL": gemini.url}
        variables = {
            "PYTHONPATH": str(HOOK),
            "RECORD_CALLS": str(folder / "functions.jsonl"),
            "MINISTACK_REGION": environment.region,  # of a form: MiniStack finds none in it
        }
        emulator = RecordedEmulator(folder, emulator_port, environ, variables)
        emulator.start()
        try:
            with prepared_account(emulator):
                cloud = Cloud(environment, deploy(environment, silent), emulator.endpoint_url, folder)
                with gallery_of(cloud, gallery_port) as gallery:
                    yield use(cloud, gallery)
        finally:
            emulator.abandon()


@contextmanager
def gallery_of(cloud: Cloud, port: int) -> Iterator[GalleryClient]:
    """Serve the gallery with the settings that an instance has."""
    database = cloud.outputs["database"]
    gallery = Gallery(cloud.folder, port)
    gallery.start(
        {
            **client_environ(cloud.endpoint_url),
            "AWS_DEFAULT_REGION": cloud.environment.region,
            "BUCKET_NAME": cloud.bucket,
            "THUMBNAIL_FUNCTION": cloud.outputs["thumbnail"]["FunctionArn"],
            "ANNOTATE_FUNCTION": cloud.outputs["annotate"]["FunctionArn"],
            "DATABASE_HOST": database["Host"],
            "DATABASE_PORT": database["Port"],
            "DATABASE_NAME": database["Name"],
            "DATABASE_SECRET_ARN": cloud.outputs["catalog"]["ApplicationSecretArn"],
            "PYTHONPATH": os.pathsep.join(map(str, (HOOK, SERVICES / "catalog", SERVICES / "web"))),
            "RECORD_CALLS": str(cloud.folder / "web.jsonl"),
        }
    )
    try:
        yield GalleryClient(gallery.url)
    finally:
        gallery.stop()


def use(cloud: Cloud, gallery: GalleryClient) -> Usage:
    """Do all that people do, and let happen what happens to them."""
    upload_and_look(gallery)
    upload_by_a_plain_form(gallery)
    retry_a_hostile_file(gallery)
    gallery.complete(gallery.form("never.jpg", "image/jpeg", 10)["id"])
    announce_what_is_not_there(cloud)
    delete_while_the_thumbnail_is_made(cloud, gallery)
    sweep(cloud, gallery)
    fail_for_good(cloud)
    without_gemini = cloud.granted("annotate")
    annotate_by_gemini(cloud, gallery)
    services = [*FUNCTIONS, "web"]
    stacks = [stack.name for stack in cloud.environment.stacks if stack.service]
    return Usage(
        needed=set().union(*map(cloud.needed, services)),
        granted=set().union(*map(cloud.granted, services)),
        platform=platform_rights(cloud),
        roles={
            resource["PhysicalResourceId"]
            for stack in stacks
            for resource in resources(cloud.environment.region, cloud.environment.stack_name(stack))
            if resource["ResourceType"] == "AWS::IAM::Role"
        }
        - set(map(cloud.role, services)),
        annotate_without_gemini=without_gemini,
    )


def upload_and_look(gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg())
    assert gallery.complete(image_id).ok
    image = gallery.wait(image_id)
    assert (image["thumbnail"]["status"], image["annotation"]["status"]) == ("ready", "ready"), image
    for address in ("/", "/api/images", f"/images/{image_id}"):
        assert requests.get(gallery.url + address, timeout=10).ok
    assert requests.get(image["thumbnail"]["url"], timeout=10).ok
    edit = requests.patch(f"{gallery.url}/api/images/{image_id}", json={"caption": "A boat"}, timeout=10)
    assert edit.ok, edit.text
    assert gallery.delete(image_id).ok


def upload_by_a_plain_form(gallery: GalleryClient) -> None:
    assert requests.post(f"{gallery.url}/uploads", timeout=10).ok


def retry_a_hostile_file(gallery: GalleryClient) -> None:
    image_id = gallery.upload(b"<script>alert(1)</script>" * 10, "evil.jpg")
    assert gallery.wait(image_id)["annotation"]["status"] == "failed"
    assert gallery.retry(image_id).status_code == 202
    gallery.wait(image_id)


def announce_what_is_not_there(cloud: Cloud) -> None:
    key = upload_key(new_id())
    announce(cloud, notification(StoredObject(cloud.bucket, key)))
    for service in ("thumbnail", "annotate"):
        wait_for(partial(called, cloud, service, "GetObject", key))


def delete_while_the_thumbnail_is_made(cloud: Cloud, gallery: GalleryClient) -> None:
    """Delete a photo between the first and the last look that the function takes at the catalogue."""
    large = photos.decompression_bomb(7900, 7900)  # keeps the function busy for a second
    assert any(deleted_in_time(cloud, gallery, large) for _ in range(ATTEMPTS))


def deleted_in_time(cloud: Cloud, gallery: GalleryClient, large: bytes) -> bool:
    """Upload and delete a photo; tell whether the function had to delete the thumbnail."""
    image_id = gallery.upload(large, "large.png", "image/png")
    wait_for(partial(called, cloud, "thumbnail", "GetObject", upload_key(image_id)))
    wait_for(lambda: gallery.image(image_id))
    time.sleep(0.2)
    assert gallery.delete(image_id).ok
    try:
        wait_for(partial(called, cloud, "thumbnail", "DeleteObject", thumbnail_key(image_id)), seconds=10)
    except TimeoutError:
        return False
    return True


def sweep(cloud: Cloud, gallery: GalleryClient) -> None:
    """Find an upload without a row, and send one again that stays pending."""
    lost, pending = new_id(), gallery.upload(photos.jpeg(seed=1))
    gallery.wait(pending)
    cloud.client("s3").put_object(Bucket=cloud.bucket, Key=upload_key(lost), Body=photos.jpeg(seed=2))
    gallery.wait(lost)
    with (
        catalogue(cloud.environment.region, cloud.outputs) as database,
        database.connection() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM image WHERE id = %s", (lost,))
        cursor.execute(
            "UPDATE image SET annotation_status = 'pending', uploaded_at = NOW() - INTERVAL 1 HOUR WHERE id = %s",
            (pending,),
        )
    answer = cloud.client("lambda").invoke(FunctionName=cloud.function("sweep"))
    assert "FunctionError" not in answer, answer["Payload"].read()
    gallery.wait(pending)
    sweep_without_patience(cloud)
    assert gallery.image(lost), "the sweep has made a row"


def sweep_without_patience(cloud: Cloud) -> None:
    """Sweep as the function does, but regard every upload as old enough: S3's times cannot be changed."""
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=cloud.function("sweep"))
    program = "from catalog import pending, sweep; pending.PATIENCE_MINUTES = 0; sweep.handle({}, None)"
    environ = {
        **client_environ(cloud.endpoint_url),
        **configuration["Environment"]["Variables"],
        "AWS_DEFAULT_REGION": cloud.environment.region,
        "AWS_LAMBDA_FUNCTION_NAME": cloud.function("sweep"),
        "PYTHONPATH": os.pathsep.join(map(str, (HOOK, SERVICES / "catalog"))),
        "RECORD_CALLS": str(cloud.folder / "functions.jsonl"),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def fail_for_good(cloud: Cloud) -> None:
    """Let an event that nobody understands become a dead letter of both functions."""
    announce(cloud, json.dumps({"odd": "event"}))
    for service in ("thumbnail", "annotate"):
        wait_for(partial(dead_letter, cloud, service))


def dead_letter(cloud: Cloud, service: str) -> bool:
    """Tell whether the function has a dead letter."""
    answer = cloud.client("sqs").receive_message(QueueUrl=cloud.outputs[service]["DeadLettersUrl"])
    return "Messages" in answer


def annotate_by_gemini(cloud: Cloud, gallery: GalleryClient) -> None:
    """Give the environment a key of Gemini's, and have a photo described."""
    secret = cloud.client("secretsmanager").create_secret(Name="gemini", SecretString="a-key-of-nobody")["ARN"]
    cloud.environment = with_parameters(cloud.environment, "annotate", GeminiSecretArn=secret)
    cloud.outputs = deploy(cloud.environment, silent)
    image = gallery.wait(gallery.upload(photos.jpeg(seed=3)))
    assert image["annotation"]["model"].startswith("gemini"), image


def announce(cloud: Cloud, message: str) -> None:
    cloud.client("sns").publish(TopicArn=cloud.outputs["images"]["TopicArn"], Message=message)


def called(cloud: Cloud, service: str, operation: str, key: str) -> bool:
    """Tell whether a service has called an operation of S3 for an object."""
    calls = cloud.calls().get(service, [])
    return any(call.operation == operation and call.parameters.get("Key") == key for call in calls)


def wait_for(condition: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} seconds in vain")
        time.sleep(0.05)


def platform_rights(cloud: Cloud) -> dict[Right, str]:
    """Return the rights that AWS uses in the name of a service, or an agent on the instance, with the reason."""
    regional = f"{cloud.environment.region}:{ACCOUNT}"
    interface = f"arn:aws:ec2:{regional}:network-interface/*"
    rights: dict[Right, str] = {}

    def allow(service: str, resource: str, *actions: str, reason: str, condition: str = "") -> None:
        rights.update({Right(service, action, resource, condition): reason for action in actions})

    for service in FUNCTIONS:
        stack = FUNCTIONS[service][0]
        group = cloud.physical_id(stack, "SweepLogGroup" if service == "sweep" else "LogGroup")
        allow(service, f"arn:aws:logs:{regional}:log-group:{group}:*", *LOG, reason="Lambda writes the log")
        allow(service, "*", "xray:PutTelemetryRecords", "xray:PutTraceSegments", reason="Lambda traces")
        for resource, actions in {
            interface: (
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:UnassignPrivateIpAddresses",
            ),
            f"arn:aws:ec2:{regional}:subnet/*": ("ec2:CreateNetworkInterface",),
            f"arn:aws:ec2:{regional}:security-group/{cloud.outputs['network']['ClientSecurityGroupId']}": (
                "ec2:CreateNetworkInterface",
            ),
            "*": ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
        }.items():
            allow(service, resource, *actions, reason="Lambda joins the network", condition=NOT_THE_CODE_ITSELF)
    for service in ("thumbnail", "annotate"):
        queue = f"arn:aws:sqs:{regional}:{cloud.outputs[service]['DeadLettersName']}"
        allow(service, queue, "sqs:SendMessage", reason="Lambda keeps the events that failed for good")

    group = cloud.physical_id("web", "LogGroup")
    allow("web", f"arn:aws:logs:{regional}:log-group:{group}:*", *LOG, reason="the CloudWatch agent writes the log")
    allow("web", "*", *SESSION_MANAGER, reason="the agent of Session Manager")
    bundle = f"arn:aws:s3:::{cloud.outputs['bootstrap']['ArtifactBucket']}/{parameter(cloud, 'web', 'ArtifactKey')}"
    allow("web", bundle, "s3:GetObject", reason="the instance installs itself; tests/infrastructure/boot proves it")
    return rights


LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
NOT_THE_CODE_ITSELF = json.dumps({"Null": {"lambda:SourceFunctionArn": True}})
SESSION_MANAGER = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)


def parameter(cloud: Cloud, stack: str, name: str) -> str:
    """Return a parameter of a stack, as it was deployed."""
    (found,) = cloud.client("cloudformation").describe_stacks(StackName=cloud.environment.stack_name(stack))["Stacks"]
    return str(next(one["ParameterValue"] for one in found["Parameters"] if one["ParameterKey"] == name))


def test_every_call_of_a_service_is_granted_on_exactly_its_resource(usage: Usage) -> None:
    assert not (usage.needed - usage.granted), table(usage.needed - usage.granted)


def test_nothing_is_granted_that_no_call_needs(usage: Usage) -> None:
    surplus = usage.granted - usage.needed - usage.platform.keys()
    assert not surplus, table(surplus)


def test_what_the_platform_needs_is_granted(usage: Usage) -> None:
    missing = usage.platform.keys() - usage.granted
    assert not missing, table(missing)


def test_every_role_of_the_services_is_in_the_table(usage: Usage) -> None:
    assert usage.roles == set()


def test_without_a_key_of_geminis_only_the_database_user_may_be_read(usage: Usage) -> None:
    secrets = [right for right in usage.annotate_without_gemini if right.action == "secretsmanager:GetSecretValue"]
    assert len(secrets) == 1
    assert "ApplicationSecret" in secrets[0].resource


UPLOAD = Call("", "s3", "PutObject", {"Bucket": "photos", "Key": "uploads/1"}, missing=False)
LOOK = Call("", "s3", "HeadObject", {"Bucket": "photos", "Key": "uploads/1"}, missing=True)


def policy(*statements: tuple[str, str]) -> dict[str, Any]:
    return {
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]
    }


def test_a_policy_with_the_rights_of_all_calls_is_exact() -> None:
    exact = policy(
        ("s3:PutObject", "arn:aws:s3:::photos/uploads/*"),
        ("s3:GetObject", "arn:aws:s3:::photos/uploads/*"),
        ("s3:ListBucket", "arn:aws:s3:::photos"),
    )
    assert granted("web", exact) == needed("web", [UPLOAD, LOOK])


@pytest.mark.parametrize(
    ("statement", "surplus", "missing"),
    [
        pytest.param([], set(), {"s3:PutObject"}, id="an action too few"),
        pytest.param(
            [("s3:PutObject", "arn:aws:s3:::photos/uploads/*"), ("s3:DeleteObject", "arn:aws:s3:::photos/uploads/*")],
            {"s3:DeleteObject"},
            set(),
            id="an action too many",
        ),
        pytest.param(
            [("s3:PutObject", "arn:aws:s3:::photos/*")], {"s3:PutObject"}, {"s3:PutObject"}, id="a resource too wide"
        ),
        pytest.param([("s3:*", "arn:aws:s3:::photos/uploads/*")], {"s3:*"}, {"s3:PutObject"}, id="an action too wide"),
    ],
)
def test_a_policy_that_differs_from_the_calls_is_found(
    statement: list[tuple[str, str]], surplus: set[str], missing: set[str]
) -> None:
    allowed, called = granted("web", policy(*statement)), needed("web", [UPLOAD])
    assert {right.action for right in allowed - called} == surplus
    assert {right.action for right in called - allowed} == missing


def test_an_operation_whose_action_nobody_wrote_down_is_an_error() -> None:
    with pytest.raises(KeyError, match="ListBuckets"):
        needed("web", [Call("", "s3", "ListBuckets", {}, missing=False)])


def test_a_statement_that_the_table_cannot_show_is_an_error() -> None:
    with pytest.raises(ValueError, match="NotAction"):
        granted("web", {"Statement": {"Effect": "Allow", "NotAction": "s3:PutObject", "Resource": "*"}})
