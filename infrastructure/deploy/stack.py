"""One CloudFormation stack: a change set is made, read, executed and watched.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypedDict

from botocore.exceptions import ClientError

from deploy.errors import BusyError, StackError, StaleError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import CreateChangeSetInputTypeDef, StackEventTypeDef, StackTypeDef

FIRST_POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 5.0
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")

_SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_NOT_FOUND = ("ChangeSetNotFound", "ChangeSetNotFoundException")
_FAILED_CREATION = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")

Replacement = Literal["no", "perhaps", "yes"]


@dataclass(frozen=True)
class Change:
    """What a change set would do to one resource; `properties` are those that change."""

    action: str
    logical_id: str
    resource_type: str
    replacement: Replacement = "no"
    properties: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChangeSet:
    """A set of changes that can be executed."""

    stack: str
    arn: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Event:
    """What happened to a resource of a stack."""

    stack: str
    logical_id: str
    resource_type: str
    status: str
    reason: str


Follow = Callable[[Event], None]
"""Called with each event of a stack that is worked on, in order."""


@dataclass(frozen=True)
class CurrentStack:
    """A stack as it is."""

    name: str
    status: str
    reason: str
    change_set: str | None
    """ARN of the change set that was executed last."""
    updated_at: datetime
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def exists(self) -> bool:
        """Whether there is something to update: a creation that failed, or that is only planned, has left nothing."""
        return self.status != "REVIEW_IN_PROGRESS" and not self.creation_failed

    @property
    def creation_failed(self) -> bool:
        """Whether the stack must be deleted before it can be created again."""
        return self.status in _FAILED_CREATION

    @property
    def busy(self) -> bool:
        """Whether somebody is working on it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


def find_stack(cloudformation: CloudFormationClient, name: str) -> CurrentStack | None:
    """Return a stack as it is now, or None when there is none."""
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return _current(found)


def _current(found: StackTypeDef) -> CurrentStack:
    return CurrentStack(
        name=found["StackName"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        change_set=found.get("ChangeSetId"),
        updated_at=found.get("LastUpdatedTime", found["CreationTime"]),
        parameters={item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])},
        outputs={item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])},
    )


def make_change_set(
    cloudformation: CloudFormationClient,
    stack: str,
    template: str,
    parameters: Mapping[str, str],
    *,
    create: bool,
    role: str | None = None,
) -> ChangeSet | None:
    """Make a change set that would create or update a stack; None when there is nothing to change.

    Args:
        cloudformation: the client.
        stack: the name of the stack.
        template: its text.
        parameters: the values of its parameters.
        create: whether the stack is new.
        role: ARN of the role that CloudFormation works with; without one, the caller's rights.

    Raises:
        StackError: the template or its parameters were refused.
    """
    wanted: CreateChangeSetInputTypeDef = {
        "StackName": stack,
        "ChangeSetName": f"deploy-{datetime.now(UTC):%Y%m%dT%H%M%S%f}",
        "ChangeSetType": "CREATE" if create else "UPDATE",
        "TemplateBody": template,
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    if role is not None:
        wanted["RoleARN"] = role
    try:
        arn = cloudformation.create_change_set(**wanted)["Id"]
    except ClientError as error:
        raise StackError(f"{stack}: {error.response['Error']['Message']}") from error
    for pause in _pauses():
        description = cloudformation.describe_change_set(**_named(stack, arn))
        if description["Status"] == "CREATE_COMPLETE":
            return ChangeSet(stack, arn, _changes(cloudformation, stack, arn))
        if description["Status"] == "FAILED":
            reason = description.get("StatusReason", "")
            cloudformation.delete_change_set(**_named(stack, arn))
            if any(words in reason for words in _NO_CHANGES):
                return None
            raise StackError(f"{stack}: {reason}")
        time.sleep(pause)
    raise AssertionError


def discard(cloudformation: CloudFormationClient, stack: str, change_set: str) -> None:
    """Delete a change set that will not be executed, by its ARN; one that is gone is no error."""
    try:
        cloudformation.delete_change_set(**_named(stack, change_set))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_FOUND:
            raise


def execute(cloudformation: CloudFormationClient, stack: str, change_set: str, follow: Follow | None = None) -> bool:
    """Execute a change set and wait until the stack has settled.

    An execution that was begun earlier is followed to its end, so an interrupted one can be taken up again.

    Args:
        cloudformation: the client.
        stack: the name of the stack.
        change_set: ARN of the change set.
        follow: called with each event.

    Returns:
        Whether there was anything left to do: False when the change set had been executed before.

    Raises:
        BusyError: the stack is being changed by another change set.
        StaleError: the stack was changed since this change set was made.
        StackError: the stack was rolled back.
    """
    current = find_stack(cloudformation, stack)
    begun, done = _progress(cloudformation, stack, current, change_set)
    if done:
        return False
    if not begun:
        if current is not None and current.busy:
            raise BusyError(f"{stack} is being changed by somebody else ({current.status}); wait until that is done")
        try:
            cloudformation.execute_change_set(**_named(stack, change_set))
        except ClientError as error:
            message = error.response["Error"]["Message"]
            if error.response["Error"]["Code"] in (*_NOT_FOUND, "InvalidChangeSetStatus"):
                raise StaleError(f"{stack} was changed since this was planned ({message}); plan again") from error
            raise StackError(f"{stack}: {message}") from error
    wait_until_settled(cloudformation, stack, follow)
    return True


def _progress(
    cloudformation: CloudFormationClient, stack: str, current: CurrentStack | None, change_set: str
) -> tuple[bool, bool]:
    """Tell whether the execution of a change set was begun, and whether it is done.

    An executed change set may be gone, but its stack remembers it.
    """
    try:
        status = cloudformation.describe_change_set(**_named(stack, change_set))["ExecutionStatus"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_FOUND:
            raise
        status = "OBSOLETE"
    remembered = current is not None and current.change_set == change_set
    if status == "EXECUTE_COMPLETE" or (remembered and current is not None and current.status in _SETTLED):
        return True, True
    if status == "EXECUTE_IN_PROGRESS" or (remembered and current is not None and current.busy):
        return True, False
    return False, False


def delete_stack(cloudformation: CloudFormationClient, stack: str, follow: Follow | None = None) -> None:
    """Delete a stack and wait until it is gone.

    Raises:
        StackError: a resource could not be deleted.
    """
    current = find_stack(cloudformation, stack)
    if current is None:
        return
    stack_id = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack)
    wait_until_settled(cloudformation, stack_id, follow)


def wait_until_settled(cloudformation: CloudFormationClient, stack: str, follow: Follow | None = None) -> None:
    """Wait until the operation at work on a stack has ended well.

    Args:
        cloudformation: the client.
        stack: the name or the ARN of the stack; a deleted one is known by its ARN only.
        follow: called with each event.

    Raises:
        StackError: it has not; the message has the first real cause.
    """
    told: set[str] = set()
    for pause in _pauses():
        current = find_stack(cloudformation, stack)  # before the events: the last ones are then among them
        if follow is not None:
            for found in _operation_events(cloudformation, stack):
                if found["EventId"] not in told:
                    told.add(found["EventId"])
                    follow(_event(found))
        if current is None or current.status in (*_SETTLED, "DELETE_COMPLETE"):
            return
        if not current.status.endswith("_IN_PROGRESS"):
            raise StackError(f"{current.name}: {_first_failure(cloudformation, stack)} (now {current.status})")
        time.sleep(pause)


def _operation_events(cloudformation: CloudFormationClient, stack: str) -> list[StackEventTypeDef]:
    """Return the events of the latest operation on a stack, in order: what came after its own first event."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    events: list[StackEventTypeDef] = []
    for event in itertools.chain.from_iterable(page["StackEvents"] for page in pages):
        events.append(event)
        is_stack = event.get("PhysicalResourceId") == event["StackId"]
        if is_stack and event.get("ResourceStatus") in (
            "CREATE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
            "DELETE_IN_PROGRESS",
        ):
            break
    return events[::-1]


def _event(found: StackEventTypeDef) -> Event:
    return Event(
        found["StackName"],
        found.get("LogicalResourceId", ""),
        found.get("ResourceType", ""),
        found.get("ResourceStatus", ""),
        found.get("ResourceStatusReason", ""),
    )


def _first_failure(cloudformation: CloudFormationClient, stack: str) -> str:
    """Return the reason of the first resource that failed: the later ones were only cancelled."""
    for event in map(_event, _operation_events(cloudformation, stack)):
        if event.status.endswith("_FAILED") and "cancelled" not in event.reason:
            return f"{event.logical_id} ({event.resource_type}): {event.reason}"
    return "no resource reports a failure"


def _changes(cloudformation: CloudFormationClient, stack: str, arn: str) -> tuple[Change, ...]:
    pages = cloudformation.get_paginator("describe_change_set").paginate(**_named(stack, arn))
    resources = [change["ResourceChange"] for page in pages for change in page.get("Changes", [])]
    return tuple(
        Change(
            resource["Action"],
            resource["LogicalResourceId"],
            resource["ResourceType"],
            _REPLACEMENTS.get(resource.get("Replacement", "False"), "perhaps"),
            tuple(
                dict.fromkeys(
                    detail["Target"].get("Name") or detail["Target"].get("Attribute", "")
                    for detail in resource.get("Details", [])
                )
            ),
        )
        for resource in resources
    )


_REPLACEMENTS: Mapping[str, Replacement] = {"False": "no", "True": "yes", "Conditional": "perhaps"}


class _ChangeSetName(TypedDict):
    StackName: str
    ChangeSetName: str


def _named(stack: str, arn: str) -> _ChangeSetName:
    """Name a change set together with its stack: rights are given for stacks, and an ARN alone would not be one.

    The ARN is arn:aws:cloudformation:region:account:changeSet/name/uuid.
    """
    return {"StackName": stack, "ChangeSetName": arn.split("/")[1]}


def _pauses() -> Iterator[float]:
    """Yield ever longer pauses in seconds, without end."""
    pause = FIRST_POLL_SECONDS
    while True:
        yield pause
        pause = min(pause * 1.5, LONGEST_POLL_SECONDS)
