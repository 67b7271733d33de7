"""An environment on an emulator whose services' calls are recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3

from deploy.apply import deploy
from deploy.environment import Environment
from deploy.plan import Outputs
from local_cloud.emulator import client_environ
from local_cloud.gallery import SERVICES, Gallery
from local_cloud.ministack import MiniStack
from servers.ports import free_ports
from support.deploy_project import silent
from support.emulated_environment import prepared_account, resources
from support.gallery_client import GalleryClient
from support.least_privilege.rights import Call, Right, covers, granted, needed

HOOK = Path(__file__).parent / "hook"

FUNCTIONS = {
    "catalog": ("catalog", "FunctionName"),
    "sweep": ("catalog", "SweepFunctionName"),
    "thumbnail": ("thumbnail", "FunctionName"),
    "annotate": ("annotate", "FunctionName"),
}
"""The Lambda functions, each with the stack and the output that name it."""

ALL_SERVICES = (*FUNCTIONS, "web")


class RecordedEmulator(MiniStack):
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
        """The bucket of photos."""
        return self.outputs["images"]["BucketName"]

    def client(self, service: str) -> Any:
        """Return a client in the environment's region."""
        return boto3.client(service, region_name=self.environment.region)  # type: ignore[call-overload]

    def function(self, service: str) -> str:
        """Return the name of a function."""
        stack, output = FUNCTIONS[service]
        return self.outputs[stack][output]

    def physical_id(self, stack: str, resource: str) -> str:
        """Return the name that AWS knows a resource by."""
        found = resources(self.environment.region, self.environment.stack_name(stack))
        return str(next(one["PhysicalResourceId"] for one in found if one["LogicalResourceId"] == resource))

    def parameter(self, stack: str, name: str) -> str:
        """Return a parameter of a stack, as it was deployed."""
        stack_name = self.environment.stack_name(stack)
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        return str(next(one["ParameterValue"] for one in found["Parameters"] if one["ParameterKey"] == name))

    def calls(self) -> dict[str, list[Call]]:
        """Return what was recorded so far by the service."""
        calls: dict[str, list[Call]] = {"web": Call.read(self.folder / "web.jsonl")}
        services = {self.function(service): service for service in FUNCTIONS}
        for call in Call.read(self.folder / "functions.jsonl"):
            calls.setdefault(services[call.function], []).append(call)
        return calls

    def role(self, service: str) -> str:
        """Return the name of the role that a service works with."""
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

    def refused(self, service: str) -> set[Right]:
        """Return what the role of a service allows, and the boundary of the account does not."""
        iam = self.client("iam")
        arn = self.outputs["bootstrap"]["PermissionsBoundary"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        boundary = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return {right for right in self.granted(service) if not covers(boundary, as_on_aws(right))}

    def other_roles(self) -> set[str]:
        """Return the roles in the stacks of the services that no service works with."""
        found = {
            resource["PhysicalResourceId"]
            for stack in self.environment.stacks
            if stack.service
            for resource in resources(self.environment.region, self.environment.stack_name(stack.name))
            if resource["ResourceType"] == "AWS::IAM::Role"
        }
        return found - set(map(self.role, ALL_SERVICES))

    def _exact(self, right: Right) -> Right:
        """Name a secret by its ARN: the emulator's `Ref` of a secret is its name, on AWS it is the ARN."""
        if right.action != "secretsmanager:GetSecretValue":
            return right
        secret = self.client("secretsmanager").describe_secret(SecretId=right.resource)
        return replace(right, resource=secret["ARN"])


def as_on_aws(right: Right) -> Right:
    """Name a log group as CloudFormation does on AWS, where its name begins with that of the stack."""
    return replace(right, resource=right.resource.replace(":log-group:/aws/cloudformation/", ":log-group:"))


@contextmanager
def recorded_cloud(folder: Path, environment: Environment, gemini_url: str) -> Iterator[Cloud]:
    """Deploy an environment to an emulator of its own, whose functions find Gemini at an address."""
    (port,) = free_ports(1)
    variables = {
        "PYTHONPATH": str(HOOK),
        "RECORD_CALLS": str(folder / "functions.jsonl"),
        "MINISTACK_REGION": environment.region,  # of a form: MiniStack finds none in it
    }
    user = {"PATH": os.environ["PATH"], "GOOGLE_GEMINI_BASE_URL": gemini_url}
    emulator = RecordedEmulator(folder, port, user, variables)
    emulator.start()
    try:
        with prepared_account(emulator):
            yield Cloud(environment, deploy(environment, silent), emulator.endpoint_url, folder)
    finally:
        emulator.abandon()


@contextmanager
def recorded_gallery(cloud: Cloud) -> Iterator[GalleryClient]:
    """Serve the gallery with the settings that an instance has."""
    database = cloud.outputs["database"]
    (port,) = free_ports(1)
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
