"""The stack of the gallery on an emulator, and instances that boot from its launch template."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import pytest

from catalog.handler import MigrationSettings, apply
from deploy.environment import INFRASTRUCTURE
from deploy.package import package
from infrastructure.boot.instance import Instance, obstacle
from local_cloud.database import Address
from local_cloud.emulator import Emulator, client_environ
from running_cloud import free_ports

TEMPLATE = INFRASTRUCTURE / "templates" / "web.yaml"
ARTIFACTS = "artifacts"
DATABASE_PORT = 3306

Boot = Callable[..., Instance]


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    """Skip these tests where no instance can boot."""
    reason = obstacle()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def endpoint_url(_namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run an emulator, which boto3 speaks to meanwhile."""
    (port,) = free_ports(1)
    emulator = Emulator(tmp_path_factory.mktemp("emulator"), port, {})
    emulator.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in client_environ(emulator.endpoint_url).items():
            patch.setenv(name, value)
        yield emulator.endpoint_url
    emulator.stop()


@pytest.fixture(scope="module")
def bundle(endpoint_url: str) -> str:
    """Put the bundle of this machine's platform into the artifact bucket, and return its key."""
    built = package("web", "host")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=ARTIFACTS)
    s3.upload_file(str(built.path), ARTIFACTS, built.key)
    return built.key


@pytest.fixture(scope="module")
def migrate(endpoint_url: str, database_server: Address) -> Callable[[str], str]:
    """Return a function that migrates a database and returns the secret of the application's user."""
    secrets = {
        name: boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(user))["ARN"]
        for name, user in {
            "master": {"username": database_server.username, "password": database_server.password},
            "application": {"username": "instances", "password": "of the gallery"},
        }.items()
    }

    def migrate_database(name: str) -> str:
        settings = MigrationSettings(
            database_host=database_server.host,
            database_port=database_server.port,
            database_name=name,
            database_secret_arn=secrets["master"],
            application_secret_arn=secrets["application"],
        )
        apply(settings)
        return secrets["application"]

    return migrate_database


@pytest.fixture(scope="module")
def user_data(endpoint_url: str) -> Callable[..., str]:
    """Return a function that deploys the stack and returns the user data of its launch template."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = {"us-east-1a": "10.0.0.0/24", "us-east-1b": "10.0.1.0/24"}
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for zone, block in zones.items()
    ]
    clients = ec2.create_security_group(GroupName="clients", Description="clients", VpcId=vpc)["GroupId"]
    function = "arn:aws:lambda:us-east-1:000000000000:function:{}:live"
    common = {
        "ArtifactBucket": ARTIFACTS,
        "VpcId": vpc,
        "PublicSubnetIds": ",".join(subnets),
        "PrivateSubnetIds": ",".join(subnets),
        "ClientSecurityGroupId": clients,
        "AllowedCidr": "203.0.113.0/24",
        "InstanceType": "t4g.small",
        "MinSize": "1",
        "MaxSize": "2",
        "BucketName": "photos",
        "ThumbnailFunctionArn": function.format("thumbnail"),
        "AnnotateFunctionArn": function.format("annotate"),
        "DatabaseHost": "127.0.0.1",
        "DatabasePort": str(DATABASE_PORT),
        "AlarmTopicArn": "arn:aws:sns:us-east-1:000000000000:alarms",
    }

    def deploy(**parameters: str) -> str:
        cloudformation = boto3.client("cloudformation")
        stack = f"web-{uuid4()}"
        change_set = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName="create",
            ChangeSetType="CREATE",
            Capabilities=["CAPABILITY_IAM"],
            TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in {**common, **parameters}.items()
            ],
        )["Id"]
        soon = {"Delay": 0.1, "MaxAttempts": 300}
        cloudformation.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set, WaiterConfig=soon)
        cloudformation.execute_change_set(ChangeSetName=change_set)
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=soon)
        resource = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId="LaunchTemplate")
        (version,) = ec2.describe_launch_template_versions(
            LaunchTemplateId=resource["StackResourceDetail"]["PhysicalResourceId"], Versions=["$Latest"]
        )["LaunchTemplateVersions"]
        return base64.b64decode(version["LaunchTemplateData"]["UserData"]).decode()

    return deploy


@pytest.fixture(scope="module")
def connect_database(database_server: Address) -> Callable[[], socket.socket]:
    """Return a function that connects to the database server."""

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(database_server.host)
        return connection

    return connect


@pytest.fixture(scope="module")
def boot(
    endpoint_url: str,
    user_data: Callable[..., str],
    connect_database: Callable[[], socket.socket],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Boot]:
    """Return a function that boots an instance of a stack with these parameters; all end with the module."""
    port = urlsplit(endpoint_url).port
    assert port is not None
    with ExitStack() as instances:

        def boot_instance(*, database: bool = True, **parameters: str) -> Instance:
            instance = Instance(tmp_path_factory.mktemp("instance"), user_data(**parameters), endpoint_url)
            instances.callback(instance.stop)
            servers = {port: lambda: socket.create_connection(("127.0.0.1", port))}
            instance.start({**servers, DATABASE_PORT: connect_database} if database else servers)
            return instance

        yield boot_instance
