"""One CloudFormation stack: a change set is made, reviewed, executed and watched.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

FIRST_POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 5.0
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


class StackError(Exception):
    """A stack could not be brought to its desired state; the message names the first real cause."""


@dataclass(frozen=True)
class Change:
    """What a change set would do to one resource."""

    action: str
    logical_id: str
    resource_type: str
    replacement: bool


@dataclass(frozen=True)
class ChangeSet:
    """A reviewed set of changes, ready to be executed."""

    stack: str
    arn: str
    changes: tuple[Change, ...]


def plan_stack(
    cloudformation: CloudFormationClient, stack: str, template: str, parameters: Mapping[str, str]
) -> ChangeSet | None:
    """Make a change set that would create or update a stack; None when there is nothing to change.

    A stack whose creation failed is deleted first, as CloudFormation demands; one that a creation is only planned
    for counts as not there yet.

    Raises:
        StackError: the template or its parameters were refused.
    """
    status = stack_status(cloudformation, stack)
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
        delete_stack(cloudformation, stack)
        status = None
    try:
        arn = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=f"deploy-{datetime.now(UTC):%Y%m%dT%H%M%S%f}",
            ChangeSetType="CREATE" if status in (None, "REVIEW_IN_PROGRESS") else "UPDATE",
            TemplateBody=template,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )["Id"]
    except ClientError as error:
        raise StackError(f"{stack}: {error.response['Error']['Message']}") from error
    for pause in _pauses():
        description = cloudformation.describe_change_set(ChangeSetName=arn)
        if description["Status"] == "CREATE_COMPLETE":
            return ChangeSet(stack, arn, _changes(cloudformation, arn))
        if description["Status"] == "FAILED":
            reason = description.get("StatusReason", "")
            cloudformation.delete_change_set(ChangeSetName=arn)
            if any(words in reason for words in _NO_CHANGES):
                return None
            raise StackError(f"{stack}: {reason}")
        time.sleep(pause)
    raise AssertionError


def execute(cloudformation: CloudFormationClient, change_set: ChangeSet) -> None:
    """Execute a change set and wait until the stack has settled.

    Raises:
        StackError: the stack was rolled back.
    """
    started = datetime.now(UTC)
    cloudformation.execute_change_set(ChangeSetName=change_set.arn)
    for pause in _pauses():
        status = stack_status(cloudformation, change_set.stack)
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return
        if status is None or not status.endswith("_IN_PROGRESS"):
            cause = _first_failure(cloudformation, change_set.stack, started)
            raise StackError(f"{change_set.stack}: {cause} (now {status})")
        time.sleep(pause)


def stack_status(cloudformation: CloudFormationClient, stack: str) -> str | None:
    """Return the status of a stack, or None when there is none."""
    try:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise


def stack_outputs(cloudformation: CloudFormationClient, stack: str) -> dict[str, str]:
    """Return the outputs of a stack by name."""
    outputs = cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def delete_stack(cloudformation: CloudFormationClient, stack: str) -> None:
    """Delete a stack and wait until it is gone.

    Raises:
        StackError: a resource could not be deleted.
    """
    started = datetime.now(UTC)
    cloudformation.delete_stack(StackName=stack)
    for pause in _pauses():
        status = stack_status(cloudformation, stack)
        if status in (None, "DELETE_COMPLETE"):
            return
        if status == "DELETE_FAILED":
            raise StackError(f"{stack}: {_first_failure(cloudformation, stack, started)}")
        time.sleep(pause)


def _changes(cloudformation: CloudFormationClient, arn: str) -> tuple[Change, ...]:
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=arn)
    resources: list[Any] = [change["ResourceChange"] for page in pages for change in page.get("Changes", [])]
    return tuple(
        Change(
            resource["Action"],
            resource["LogicalResourceId"],
            resource["ResourceType"],
            resource.get("Replacement") in ("True", "Conditional"),
        )
        for resource in resources
    )


def _first_failure(cloudformation: CloudFormationClient, stack: str, since: datetime) -> str:
    """Return the reason of the first resource that failed: the later ones were only cancelled."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    events = [event for page in pages for event in page["StackEvents"] if event["Timestamp"] >= since]
    for event in reversed(events):
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
            return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
    return "no resource reports a failure"


def _pauses() -> Any:
    """Yield ever longer pauses in seconds, without end."""
    pause = FIRST_POLL_SECONDS
    while True:
        yield pause
        pause = min(pause * 1.5, LONGEST_POLL_SECONDS)
