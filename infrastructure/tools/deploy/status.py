"""The deployed stacks of an environment: their state and their versions."""

from dataclasses import dataclass

import boto3

from deploy.environment import FROM_PACKAGE, Environment
from deploy.stack import find_stacks


@dataclass(frozen=True)
class StackStatus:
    """The state of a stack of an environment; `updated_at` is in ISO 8601."""

    stack: str
    status: str
    reason: str = ""
    updated_at: str = ""
    package: str = ""
    """File name of the service's package: its version, and a digest if it was built from a working tree."""
    url: str = ""
    """Address of the gallery, for the stack that serves it."""


def read_status(session: boto3.Session, environment: Environment) -> list[StackStatus]:
    """Return the state of each stack in the desired state."""
    cloudformation = session.client("cloudformation", region_name=environment.region)
    found = find_stacks(cloudformation, environment)
    return [
        StackStatus(
            stack.name,
            current.status,
            current.reason,
            current.updated_at.isoformat(timespec="seconds"),
            current.parameters.get(FROM_PACKAGE, "").rpartition("/")[2],
            current.outputs.get("Url", ""),
        )
        if (current := found.get(stack.name))
        else StackStatus(stack.name, "MISSING")
        for stack in environment.stacks
    ]
