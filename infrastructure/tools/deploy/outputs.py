"""The outputs of deployed stacks, from which other stacks take their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from deploy.environment import Environment
from deploy.errors import StackError
from deploy.stack import find_stack, find_stacks

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

Outputs = dict[str, dict[str, str]]
"""The outputs of each stack, by the name of the stack in stacks.yaml."""


def environment_outputs(session: boto3.Session, environment: Environment) -> Outputs:
    """Return the outputs of every stack that exists, with those of `fixed_outputs`.

    Raises:
        StackError: an `existing` stack is missing.
    """
    cloudformation = session.client("cloudformation", region_name=environment.region)
    current = {name: dict(stack.outputs) for name, stack in find_stacks(cloudformation, environment).items()}
    return fixed_outputs(cloudformation, environment) | current


def fixed_outputs(cloudformation: CloudFormationClient, environment: Environment) -> Outputs:
    """Return the outputs that the environment file provides, and those of its `existing` stacks.

    Raises:
        StackError: an `existing` stack is missing.
    """
    outputs = {name: dict(values) for name, values in environment.provided.items()}
    for name, stack_name in environment.existing.items():
        current = find_stack(cloudformation, stack_name)
        if current is None or not current.exists:
            raise StackError(
                f"the stack {stack_name} is missing in {environment.region} ({environment.path.name}: existing.{name})"
            )
        outputs[name] = dict(current.outputs)
    return outputs
