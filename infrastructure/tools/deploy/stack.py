"""One CloudFormation stack: what it is now, and what happens to it while it is worked on."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

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
    id: str
    status: str
    reason: str
    change_set: str | None
    """ARN of the change set that was executed last."""
    updated_at: datetime
    parameters: Mapping[str, str]
    """With those that have their default value."""
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
    def settled(self) -> bool:
        """Whether the last operation on it ended well."""
        return self.status in _SETTLED

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


def stack_names(cloudformation: CloudFormationClient, prefix: str, *, with_planned: bool = False) -> list[str]:
    """Return the names of the stacks that begin with a prefix, without those that another stack made.

    Args:
        cloudformation: the client.
        prefix: how the names begin.
        with_planned: whether to include those that are no more than a change set as yet.
    """
    gone = ("DELETE_COMPLETE",) if with_planned else ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
    pages = cloudformation.get_paginator("list_stacks").paginate()
    return sorted(
        found["StackName"]
        for page in pages
        for found in page["StackSummaries"]
        if found["StackName"].startswith(prefix) and found["StackStatus"] not in gone and "ParentId" not in found
    )


def original_template(cloudformation: CloudFormationClient, name: str) -> str:
    """Return the text of the template that a stack was last created or updated with."""
    return str(cloudformation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"])


def delete_stack(cloudformation: CloudFormationClient, stack: CurrentStack, follow: Follow | None = None) -> None:
    """Delete a stack and wait until it is gone.

    Raises:
        StackError: a resource could not be deleted.
    """
    before = latest_event(cloudformation, stack.id)
    cloudformation.delete_stack(StackName=stack.name)
    wait_until_settled(cloudformation, stack.id, follow, after=before)


def latest_event(cloudformation: CloudFormationClient, stack: str) -> str | None:
    """Return the id of the newest event of a stack, by its name or ARN: what comes after it is news."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return events[0]["EventId"] if events else None


def wait_until_settled(
    cloudformation: CloudFormationClient, stack: str, follow: Follow | None = None, *, after: str | None = None
) -> None:
    """Wait until an operation on a stack has ended well, as its events tell.

    Args:
        cloudformation: the client.
        stack: the name or the ARN of the stack; a deleted one is known by its ARN only.
        follow: called with each event.
        after: the newest event from before the operation; without it, the latest operation is waited for.

    Raises:
        StackError: it has not; the message has the first real cause.
    """
    told: set[str] = set()
    for pause in pauses():
        events = _operation_events(cloudformation, stack, after)
        if follow is not None:
            for found in events:
                if found["EventId"] not in told:
                    told.add(found["EventId"])
                    follow(_event(found))
        own = [_event(found) for found in events if _is_of_stack(found)]
        if own and not own[-1].status.endswith("_IN_PROGRESS"):
            if own[-1].status in (*_SETTLED, "DELETE_COMPLETE"):
                return
            raise StackError(f"{own[-1].stack}: {_first_failure(events)} (now {own[-1].status})")
        time.sleep(pause)


def first_failure(cloudformation: CloudFormationClient, stack: str) -> str:
    """Return the first real cause for which the latest operation on a stack failed."""
    return _first_failure(_operation_events(cloudformation, stack, None))


def pauses() -> Iterator[float]:
    """Yield ever longer pauses in seconds, without end."""
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
    """Return the events of the latest operation on a stack, in order, that came after an event."""
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
    """Return the reason of the first resource that failed: the later ones were only cancelled."""
    for event in map(_event, events):
        if event.status.endswith("_FAILED") and "cancelled" not in event.reason:
            return f"{event.logical_id} ({event.resource_type}): {event.reason}"
    for event in map(_event, filter(_is_of_stack, events)):
        if "ROLLBACK" in event.status and event.reason:  # such as a person who cancelled the update
            return event.reason
    return "no resource reports a failure"
