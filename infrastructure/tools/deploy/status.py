"""The deployed stacks of an environment: their state and their versions."""

from __future__ import annotations

from dataclasses import dataclass

import boto3

from deploy.environment import FROM_PACKAGE, Environment
from deploy.stack import find_stack


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
