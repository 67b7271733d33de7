"""The stack of the gallery, deployed by change sets to the AWS that boto3 speaks to."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Literal
from uuid import uuid4

import boto3

from deploy.environment import INFRASTRUCTURE
from infrastructure.boot.instance import Instance

TEMPLATE = INFRASTRUCTURE / "templates" / "web.yaml"
ARTIFACTS = "artifacts-of-instances"
DATABASE_PORT = 3306
APPLICATION_PASSWORD = "known to nobody else"

Boot = Callable[..., Instance]


class Gallery:
    """A stack of the gallery on the emulator."""

    def __init__(self, name: str, common: Mapping[str, str]) -> None:
        """Remember the parameters that do not matter to a test."""
        self.name = name
        self._common = common
        self._cloudformation = boto3.client("cloudformation")

    def create(self, **parameters: str) -> None:
        """Create the stack."""
        self._deploy("CREATE", parameters)

    def update(self, **parameters: str) -> None:
        """Update the stack."""
        self._deploy("UPDATE", parameters)

    def resource(self, logical_id: str) -> str:
        """Return the physical id of a resource."""
        resource = self._cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return resource["StackResourceDetail"]["PhysicalResourceId"]

    def user_data(self) -> str:
        """Return the user data of the newest version of the launch template."""
        (version,) = boto3.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=self.resource("LaunchTemplate"), Versions=["$Latest"]
        )["LaunchTemplateVersions"]
        return base64.b64decode(version["LaunchTemplateData"]["UserData"]).decode()

    def _deploy(self, kind: Literal["CREATE", "UPDATE"], parameters: Mapping[str, str]) -> None:
        change_set = self._cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=f"change-{uuid4()}",
            ChangeSetType=kind,
            Capabilities=["CAPABILITY_IAM"],
            TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in {**self._common, **parameters}.items()
            ],
        )["Id"]
        soon: Any = {"Delay": 0.1, "MaxAttempts": 300}
        created = self._cloudformation.get_waiter("change_set_create_complete")
        created.wait(ChangeSetName=change_set, WaiterConfig=soon)
        self._cloudformation.execute_change_set(ChangeSetName=change_set)
        if kind == "CREATE":
            self._cloudformation.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig=soon)
        else:
            self._cloudformation.get_waiter("stack_update_complete").wait(StackName=self.name, WaiterConfig=soon)
