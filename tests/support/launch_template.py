"""The launch template of the gallery's instances."""

import base64
from typing import Any


def user_data(cloudformation: Any, ec2: Any, stack: str) -> str:
    """Return the user data in the newest version of a web stack's launch template."""
    resource = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId="LaunchTemplate")
    (version,) = ec2.describe_launch_template_versions(
        LaunchTemplateId=resource["StackResourceDetail"]["PhysicalResourceId"], Versions=["$Latest"]
    )["LaunchTemplateVersions"]
    return base64.b64decode(version["LaunchTemplateData"]["UserData"]).decode()
