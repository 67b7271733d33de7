"""One CloudFormation stack: its current state, and its events during an operation."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy.environment import Environment
from deploy.errors import StackError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackTypeDef

FIRST_POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 5.0

_SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_FAILED_CREATION = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
_STARTS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")


@dataclass(frozen=True)
class Event:
    """An event of a resource of a stack."""

    stack: str
    logical_id: str
    resource_type: str
    status: str
    reason: str


Follow = Callable[[Event], None]
"""Called with each event of an operation, in order."""


@dataclass(frozen=True)
class CurrentStack:
    """The current state of a stack."""

    name: str
    id: str
    status: str
    reason: str
    change_set: str | None
    """ARN of the last executed change set."""
    updated_at: datetime
    parameters: Mapping[str, str]
    """Includes parameters with their default value."""
    outputs: Mapping[str, str]

    @property
    def exists(self) -> bool:
        """Whether it can be updated: not if its creation failed or is only planned."""
        return self.status != "REVIEW_IN_PROGRESS" and not self.creation_failed

    @property
    def creation_failed(self) -> bool:
        """Whether it must be deleted before it can be created again."""
        return self.status in _FAILED_CREATION

    @property
    def settled(self) -> bool:
        """Whether the last operation succeeded."""
        return self.status in _SETTLED

    @property
    def busy(self) -> bool:
        """Whether an operation is in progress."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


def find_stack(cloudformation: CloudFormationClient, name: str) -> CurrentStack | None:
    """Return the current state of a stack, or None if it does not exist."""
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return _current(found)


def find_stacks(cloudformation: CloudFormationClient, environment: Environment) -> dict[str, CurrentStack]:
    """Return the existing stacks of an environment, by their name in stacks.yaml and in deployment order."""
    found = (
        (stack.name, find_stack(cloudformation, environment.stack_name(stack.name))) for stack in environment.stacks
    )
    return {name: current for name, current in found if current is not None}


def stack_names(cloudformation: CloudFormationClient, prefix: str, *, with_planned: bool = False) -> list[str]:
    """Return the names of the stacks with a prefix, except nested stacks.

    Args:
        cloudformation: the client.
        prefix: the prefix of the names.
        with_planned: whether to include stacks that were planned but never created.
    """
    gone = ("DELETE_COMPLETE",) if with_planned else ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
    pages = cloudformation.get_paginator("list_stacks").paginate()
    return sorted(
        found["StackName"]
        for page in pages
        for found in page["StackSummaries"]
        if found["StackName"].startswith(prefix) and found["StackStatus"] not in gone and "ParentId" not in found
    )


def delete_stack(cloudformation: CloudFormationClient, stack: CurrentStack, follow: Follow | None = None) -> None:
    """Delete a stack and wait for the end.

    Raises:
        StackError: a resource could not be deleted.
    """
    before = latest_event(cloudformation, stack.id)
    cloudformation.delete_stack(StackName=stack.name)
    wait_until_settled(cloudformation, stack.id, follow, after=before)


def latest_event(cloudformation: CloudFormationClient, stack: str) -> str | None:
    """Return the id of the newest event of a stack, by its name or ARN."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return events[0]["EventId"] if events else None


def wait_until_settled(
    cloudformation: CloudFormationClient, stack: str, follow: Follow | None = None, *, after: str | None = None
) -> None:
    """Follow the events of an operation on a stack until it has succeeded.

    Args:
        cloudformation: the client.
        stack: the name or the ARN of the stack; for a deletion, the ARN.
        follow: called with each event.
        after: the newest event before the operation; if None, follow the latest operation.

    Raises:
        StackError: the operation failed; the message has the root cause.
    """
    seen: set[str] = set()
    for pause in pauses():
        events = _operation_events(cloudformation, stack, after)
        if follow is not None:
            for found in events:
                if found["EventId"] not in seen:
                    seen.add(found["EventId"])
                    follow(_event(found))
        own = [_event(found) for found in events if _is_of_stack(found)]
        if own and not own[-1].status.endswith("_IN_PROGRESS"):
            if own[-1].status in (*_SETTLED, "DELETE_COMPLETE"):
                return
            raise StackError(f"{own[-1].stack}: {_first_failure(events)} (now {own[-1].status})")
        time.sleep(pause)


def first_failure(cloudformation: CloudFormationClient, stack: str) -> str:
    """Return the root cause of the failure of the latest operation on a stack."""
    return _first_failure(_operation_events(cloudformation, stack, None))


def pauses() -> Iterator[float]:
    """Yield increasing pauses in seconds, endlessly."""
    pause = FIRST_POLL_SECONDS
    while True:
        yield pause
        pause = min(pause * 1.5, LONGEST_POLL_SECONDS)


def _current(found: StackTypeDef) -> CurrentStack:
    return CurrentStack(
        name=found["StackName"],
        id=found["StackId"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        change_set=found.get("ChangeSetId"),
        updated_at=found.get("LastUpdatedTime", found["CreationTime"]),
        parameters={item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])},
        outputs={item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])},
    )


def _operation_events(cloudformation: CloudFormationClient, stack: str, after: str | None) -> list[StackEventTypeDef]:
    """Return the events of the latest operation on a stack that are newer than `after`, in order."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    events: list[StackEventTypeDef] = []
    for event in itertools.chain.from_iterable(page["StackEvents"] for page in pages):
        if event["EventId"] == after:
            break
        events.append(event)
        if _is_of_stack(event) and event.get("ResourceStatus") in _STARTS:
            break
    return events[::-1]


def _is_of_stack(event: StackEventTypeDef) -> bool:
    return event.get("PhysicalResourceId") == event["StackId"]


def _event(found: StackEventTypeDef) -> Event:
    return Event(
        found["StackName"],
        found.get("LogicalResourceId", ""),
        found.get("ResourceType", ""),
        found.get("ResourceStatus", ""),
        found.get("ResourceStatusReason", ""),
    )


def _first_failure(events: list[StackEventTypeDef]) -> str:
    """Return the reason of the first resource that failed; later ones were only cancelled."""
    for event in map(_event, events):
        if event.status.endswith("_FAILED") and "cancelled" not in event.reason:
            return f"{event.logical_id} ({event.resource_type}): {event.reason}"
    for event in map(_event, filter(_is_of_stack, events)):
        if "ROLLBACK" in event.status and event.reason:  # for example, a person cancelled the update
            return event.reason
    return "no resource reports a failure"
