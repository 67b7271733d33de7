"""What is deployed: the stacks of an environment, their state and the versions they run."""

from __future__ import annotations

from dataclasses import dataclass

import boto3

from deploy.environment import FROM_PACKAGE, Environment
from deploy.stack import find_stack


@dataclass(frozen=True)
class StackStatus:
    """A stack of an environment as it is; `updated_at` is in ISO 8601."""

    stack: str
    status: str
    reason: str = ""
    updated_at: str = ""
    package: str = ""
    """File name of the service's package: its version, and a digest if it is of a working tree."""
    url: str = ""
    """Where people open the gallery, for the stack that serves it."""


def read_status(environment: Environment) -> list[StackStatus]:
    """Return the state of each stack that the environment wants."""
    cloudformation = boto3.client("cloudformation", region_name=environment.region)
    found = []
    for stack in environment.stacks:
        current = find_stack(cloudformation, environment.stack_name(stack.name))
        if current is None:
            found.append(StackStatus(stack.name, "MISSING"))
            continue
        found.append(
            StackStatus(
                stack.name,
                current.status,
                current.reason,
                current.updated_at.isoformat(timespec="seconds"),
                current.parameters.get(FROM_PACKAGE, "").rpartition("/")[2],
                current.outputs.get("Url", ""),
            )
        )
    return found
