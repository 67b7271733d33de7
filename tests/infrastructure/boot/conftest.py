"""The web stack on an emulator, and instances that boot from its launch template."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import pytest

from catalog_functions.custom_resource import apply
from deploy.package import package
from infrastructure.boot.instance import Instance, obstacle
from infrastructure.boot.stack import ARTIFACTS, DATABASE_PORT, Boot, Gallery
from local_cloud.emulator import Emulator
from servers.database import Address
from support import migration
from support.relay import Target
from support.service_environ import service_environ


@pytest.fixture(scope="module")
def endpoint_url(emulator: Emulator) -> Iterator[str]:
    """Point boto3 to the emulator, and return its address."""
    with service_environ(emulator.endpoint_url):
        yield emulator.endpoint_url


@pytest.fixture(scope="module")
def bundle(endpoint_url: str) -> str:
    """Store the bundle for this machine's platform in the artifact bucket, and return its key."""
    built = package("web", "host")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=ARTIFACTS)
    s3.upload_file(str(built.path), ARTIFACTS, built.key)
    return built.key


@pytest.fixture(scope="module")
def migrate(endpoint_url: str, database_server: Address) -> Callable[[str], str]:
    """Return a function that migrates a database and returns the secret of the application user."""

    def migrate_database(name: str) -> str:
        settings = migration.settings(database_server, name)
        apply(settings)
        return settings.application_secret_arn

    return migrate_database


@pytest.fixture(scope="module")
def new_gallery(endpoint_url: str) -> Callable[[], Gallery]:
    """Return a function that prepares a stack in a network without creating it."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = {"us-east-1a": "10.0.0.0/24", "us-east-1b": "10.0.1.0/24"}
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for zone, block in zones.items()
    ]
    clients = ec2.create_security_group(GroupName="clients of instances", Description="clients", VpcId=vpc)["GroupId"]
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
        "DatabaseName": "gallery",
        "DatabaseSecretArn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:application-AbCdEf",
        "AlarmTopicArn": "arn:aws:sns:us-east-1:000000000000:alarms",
    }
    return lambda: Gallery(f"web-{uuid4()}", common)


@pytest.fixture(scope="module")
def boot(
    endpoint_url: str,
    new_gallery: Callable[[], Gallery],
    database_server: Address,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Boot]:
    """Return a function that boots an instance of a new stack; all instances stop at the end of the module."""
    reason = obstacle()
    if reason is not None:
        if os.environ.get("CI") and os.geteuid() == 0:
            pytest.fail(reason)  # otherwise no run would include these tests
        pytest.skip(reason)
    port = urlsplit(endpoint_url).port
    assert port is not None
    with ExitStack() as instances:

        def boot_instance(*, database: bool = True, **parameters: str) -> Instance:
            gallery = new_gallery()
            gallery.deploy(parameters)
            instance = Instance(tmp_path_factory.mktemp("instance"), gallery.user_data(), endpoint_url)
            instances.callback(instance.stop)
            servers: dict[int, Target] = {port: ("127.0.0.1", port)}
            instance.start(servers | {DATABASE_PORT: database_server.host} if database else servers)
            return instance

        yield boot_instance
