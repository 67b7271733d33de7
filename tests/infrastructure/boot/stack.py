"""The web stack, deployed to the emulator."""

from collections.abc import Callable, Mapping

import boto3

from deploy.environment import INFRASTRUCTURE
from infrastructure.boot.instance import Instance
from support.emulated_environment import deploy_stack
from support.launch_template import user_data

TEMPLATE = INFRASTRUCTURE / "templates" / "web.yaml"
ARTIFACTS = "artifacts-of-instances"
DATABASE_PORT = 3306

Boot = Callable[..., Instance]


class Gallery:
    """A web stack on the emulator."""

    def __init__(self, name: str, common: Mapping[str, str]) -> None:
        """Store the parameters that do not matter to a test."""
        self.name = name
        self._common = common
        self._cloudformation = boto3.client("cloudformation")

    def deploy(self, parameters: Mapping[str, str], *, create: bool = True) -> None:
        """Create or update the stack."""
        template = TEMPLATE.read_text(encoding="utf-8")
        wanted = {**self._common, **parameters}
        deploy_stack(self._cloudformation, self.name, template, wanted, create=create)

    def resource(self, logical_id: str) -> str:
        """Return the physical id of a resource."""
        resource = self._cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return resource["StackResourceDetail"]["PhysicalResourceId"]

    def user_data(self) -> str:
        """Return the user data in the newest version of the launch template."""
        return user_data(self._cloudformation, boto3.client("ec2"), self.name)
