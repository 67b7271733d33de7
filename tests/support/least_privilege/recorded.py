"""An environment on an emulator that records the AWS calls of its services."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deploy.apply import deploy
from deploy.environment import Environment
from deploy.outputs import Outputs
from local_cloud.gallery import Gallery, gallery_settings
from local_cloud.ministack import MiniStack
from local_cloud.session import EmulatorSession
from servers import REPOSITORY
from servers.ports import free_ports
from support.clouds import FUNCTIONS, function_name
from support.deploy_project import silent
from support.emulated_environment import prepared_account, resources
from support.gallery_client import GalleryClient
from support.least_privilege.rights import Call, Right, covers, granted, needed
from support.packages import stack_parameters

HOOKS = REPOSITORY / "tests" / "support" / "hooks"

ALL_SERVICES = (*FUNCTIONS, "web")


class RecordedEmulator(MiniStack):
    """An emulator that records the calls of its functions, which inherit its environment."""

    def __init__(self, data: Path, port: int, environ: Mapping[str, str], variables: Mapping[str, str]) -> None:
        super().__init__(data, port, environ, databases=True)
        self._variables = variables

    def environ(self) -> dict[str, str]:
        return {**super().environ(), **self._variables}


@dataclass
class Cloud:
    """An environment that records the AWS calls of its services."""

    environment: Environment
    outputs: Outputs
    session: EmulatorSession
    folder: Path

    @property
    def bucket(self) -> str:
        """The bucket of photos."""
        return self.outputs["images"]["BucketName"]

    def client(self, service: str) -> Any:
        """Return a client in the environment's region."""
        return self.session.client(service, region_name=self.environment.region)

    def function(self, service: str) -> str:
        """Return the deployed name of a function."""
        return function_name(self.outputs, service)

    def physical_id(self, stack: str, resource: str) -> str:
        """Return the physical id of a resource."""
        found = resources(self.client("cloudformation"), self.environment.stack_name(stack))
        return str(next(one["PhysicalResourceId"] for one in found if one["LogicalResourceId"] == resource))

    def parameter(self, stack: str, name: str) -> str:
        """Return a parameter of a deployed stack."""
        return stack_parameters(self, self.environment.stack_name(stack))[name]

    def calls(self) -> dict[str, list[Call]]:
        """Return the calls recorded so far, by service."""
        calls: dict[str, list[Call]] = {"web": Call.read(self.folder / "web.jsonl")}
        services = {self.function(service): service for service in FUNCTIONS}
        for call in Call.read(self.folder / "functions.jsonl"):
            calls.setdefault(services[call.function], []).append(call)
        return calls

    def role(self, service: str) -> str:
        """Return the name of a service's role."""
        if service == "web":
            return self.physical_id("web", "Role")
        configuration = self.client("lambda").get_function_configuration(FunctionName=self.function(service))
        return str(configuration["Role"]).rpartition("/")[2]

    def granted(self, service: str) -> set[Right]:
        """Return the rights that a service's role grants."""
        iam, role = self.client("iam"), self.role(service)
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return {self._exact(right) for document in documents for right in granted(service, document)}

    def needed(self, service: str) -> set[Right]:
        """Return the rights that the calls of a service need."""
        return {self._exact(right) for right in needed(service, self.calls().get(service, []))}

    def refused(self, service: str) -> set[Right]:
        """Return the rights that a service's role grants but the permissions boundary does not."""
        iam = self.client("iam")
        arn = self.outputs["bootstrap"]["PermissionsBoundary"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        boundary = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return {right for right in self.granted(service) if not covers(boundary, as_on_aws(right))}

    def other_roles(self) -> set[str]:
        """Return the roles in the stacks of the services that no service uses."""
        found = {
            resource["PhysicalResourceId"]
            for stack in self.environment.stacks
            if stack.service
            for resource in resources(self.client("cloudformation"), self.environment.stack_name(stack.name))
            if resource["ResourceType"] == "AWS::IAM::Role"
        }
        return found - set(map(self.role, ALL_SERVICES))

    def _exact(self, right: Right) -> Right:
        """Replace the name of a secret by its ARN: `Ref` returns the ARN on AWS, but the name on the emulator."""
        if right.action != "secretsmanager:GetSecretValue":
            return right
        secret = self.client("secretsmanager").describe_secret(SecretId=right.resource)
        return replace(right, resource=secret["ARN"])


def as_on_aws(right: Right) -> Right:
    """Rename a log group as CloudFormation does on AWS, where its name begins with that of the stack."""
    return replace(right, resource=right.resource.replace(":log-group:/aws/cloudformation/", ":log-group:"))


@contextmanager
def recorded_cloud(folder: Path, environment: Environment, gemini_url: str) -> Iterator[Cloud]:
    """Deploy an environment to its own emulator, whose functions call Gemini at `gemini_url`."""
    (port,) = free_ports(1)
    variables = {
        "PYTHONPATH": str(HOOKS),
        "RECORD_CALLS": str(folder / "functions.jsonl"),
        "MINISTACK_REGION": environment.region,  # for upload forms, in which MiniStack finds no region
    }
    user = {"PATH": os.environ["PATH"], "GOOGLE_GEMINI_BASE_URL": gemini_url}
    emulator = RecordedEmulator(folder, port, user, variables)
    emulator.start()
    try:
        session = prepared_account(emulator.endpoint_url)
        yield Cloud(environment, deploy(session, environment, silent), session, folder)
    finally:
        emulator.abandon()


@contextmanager
def recorded_gallery(cloud: Cloud) -> Iterator[GalleryClient]:
    """Run the gallery with the settings of an instance."""
    (port,) = free_ports(1)
    gallery = Gallery(cloud.folder, port)
    gallery.start(
        {
            **gallery_settings(cloud.session.endpoint_url, cloud.outputs),
            "AWS_DEFAULT_REGION": cloud.environment.region,
            "PYTHONPATH": str(HOOKS),
            "RECORD_CALLS": str(cloud.folder / "web.jsonl"),
        }
    )
    try:
        yield GalleryClient(gallery.url)
    finally:
        gallery.stop()
