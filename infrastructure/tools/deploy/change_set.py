"""A change set: made, read, executed or discarded.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypedDict

from botocore.exceptions import ClientError

from deploy.errors import BusyError, StackError, StaleError
from deploy.stack import Follow, find_stack, first_failure, latest_event, pauses, wait_until_settled

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import CreateChangeSetInputTypeDef, ResourceChangeDetailTypeDef

_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_NOT_FOUND = ("ChangeSetNotFound", "ChangeSetNotFoundException")
_NOT_EXECUTABLE = "InvalidChangeSetStatus"

LABEL = "deploy"
"""How the names of change sets begin without another label."""

Replacement = Literal["no", "perhaps", "yes"]
_REPLACEMENTS: Mapping[str, Replacement] = {"False": "no", "True": "yes", "Conditional": "perhaps"}


@dataclass(frozen=True)
class Change:
    """What a change set would do to one resource.

    `properties` are those that change, and `causes` those of them that replace the resource, always or perhaps.
    """

    action: str
    logical_id: str
    resource_type: str
    replacement: Replacement = "no"
    properties: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChangeSet:
    """A set of changes that can be executed."""

    stack: str
    arn: str
    changes: tuple[Change, ...]


def make_change_set(
    cloudformation: CloudFormationClient,
    stack: str,
    template: str,
    parameters: Mapping[str, str],
    *,
    create: bool,
    role: str | None = None,
    label: str = LABEL,
) -> ChangeSet | None:
    """Make a change set that would create or update a stack; None when there is nothing to change.

    Args:
        cloudformation: the client.
        stack: the name of the stack.
        template: its text.
        parameters: the values of its parameters.
        create: whether the stack is new.
        role: ARN of the role that CloudFormation works with; without one, the caller's rights.
        label: how its name begins: letters, digits and hyphens.

    Raises:
        StackError: the template or its parameters were refused.
    """
    wanted: CreateChangeSetInputTypeDef = {
        "StackName": stack,
        "ChangeSetName": f"{label}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}",
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
    for pause in pauses():
        description = cloudformation.describe_change_set(**_named(stack, arn))
        if description["Status"] == "CREATE_COMPLETE":
            return ChangeSet(stack, arn, read_changes(cloudformation, stack, arn))
        if description["Status"] == "FAILED":
            reason = description.get("StatusReason", "")
            unchanged = any(words in reason for words in _NO_CHANGES)
            details = [] if unchanged else _failed_validations(cloudformation, stack, arn)
            cloudformation.delete_change_set(**_named(stack, arn))
            if unchanged:
                return None
            raise StackError("\n  ".join([f"{stack}: {reason}", *details]))
        time.sleep(pause)
    raise AssertionError


def read_changes(cloudformation: CloudFormationClient, stack: str, arn: str) -> tuple[Change, ...]:
    """Return what a change set would do.

    Raises:
        StaleError: it is gone.
    """
    pages = cloudformation.get_paginator("describe_change_set").paginate(**_named(stack, arn))
    try:
        resources = [change["ResourceChange"] for page in pages for change in page.get("Changes", [])]
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_FOUND:
            raise
        raise StaleError(f"{stack}: what was planned is gone; plan again") from error
    return tuple(
        Change(
            resource["Action"],
            resource["LogicalResourceId"],
            resource["ResourceType"],
            _REPLACEMENTS.get(resource.get("Replacement", "False"), "perhaps"),
            _names(resource.get("Details", [])),
            _names(
                detail
                for detail in resource.get("Details", [])
                if detail["Target"].get("RequiresRecreation", "Never") != "Never"
            ),
        )
        for resource in resources
    )


def labelled(cloudformation: CloudFormationClient, stack: str, label: str) -> dict[str, str]:
    """Return the ARNs of the change sets of a stack that were made with exactly this label, by their names."""
    pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=stack)
    found = {summary["ChangeSetName"]: summary["ChangeSetId"] for page in pages for summary in page["Summaries"]}
    return {name: arn for name, arn in found.items() if re.fullmatch(rf"{re.escape(label)}-\d{{8}}T\d{{12}}", name)}


def discard(cloudformation: CloudFormationClient, stack: str, change_set: str) -> None:
    """Delete a change set that will not be executed, by its ARN; one that is gone, or at work, is no error."""
    try:
        cloudformation.delete_change_set(**_named(stack, change_set))
    except ClientError as error:
        known = error.response["Error"]["Code"] in (*_NOT_FOUND, _NOT_EXECUTABLE)
        if not known and "does not exist" not in error.response["Error"]["Message"]:
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
    status = execution_status(cloudformation, stack, change_set)
    current = find_stack(cloudformation, stack)
    # An executed change set may be gone, but its stack remembers it.
    ours = current if status is None and current is not None and current.change_set == change_set else None
    if status == "EXECUTE_COMPLETE" or (ours and ours.settled):
        return False
    if status == "EXECUTE_FAILED" or (ours and not ours.busy):
        raise StackError(f"{stack}: {first_failure(cloudformation, stack)}; mend that and plan again")
    if status == "EXECUTE_IN_PROGRESS" or ours:
        wait_until_settled(cloudformation, stack, follow)
        return True
    if current is not None and current.busy:
        raise BusyError(f"{stack} is being changed by somebody else ({current.status}); wait until that is done")
    if status is None or current is None:
        raise StaleError(f"{stack} was changed since this was planned; plan again")
    before = latest_event(cloudformation, stack)
    try:
        cloudformation.execute_change_set(**_named(stack, change_set))
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if error.response["Error"]["Code"] in (*_NOT_FOUND, _NOT_EXECUTABLE):
            raise StaleError(f"{stack} was changed since this was planned ({message}); plan again") from error
        raise StackError(f"{stack}: {message}") from error
    wait_until_settled(cloudformation, stack, follow, after=before)
    return True


def execution_status(cloudformation: CloudFormationClient, stack: str, change_set: str) -> str | None:
    """Return what became of a change set, such as AVAILABLE or EXECUTE_COMPLETE; None when it is gone."""
    try:
        return cloudformation.describe_change_set(**_named(stack, change_set))["ExecutionStatus"]
    except ClientError as error:
        missing = (
            error.response["Error"]["Code"] in _NOT_FOUND or "does not exist" in error.response["Error"]["Message"]
        )
        if not missing:
            raise
        return None


def _failed_validations(cloudformation: CloudFormationClient, stack: str, arn: str) -> list[str]:
    """Return what CloudFormation found wrong before it would have begun.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html
    """
    try:
        events = cloudformation.describe_events(**_named(stack, arn), Filters={"FailedEvents": True})["OperationEvents"]
    except ClientError:
        return []  # nobody may lose the reason above because there are no details
    return [
        f"{event.get('LogicalResourceId', '')}: {event['ValidationStatusReason']}"
        for event in events
        if event.get("ValidationStatusReason")
    ]


def _names(details: Iterable[ResourceChangeDetailTypeDef]) -> tuple[str, ...]:
    targets = (detail["Target"] for detail in details)
    return tuple(dict.fromkeys(target.get("Name") or target.get("Attribute", "") for target in targets))


class _ChangeSetName(TypedDict):
    StackName: str
    ChangeSetName: str


def _named(stack: str, arn: str) -> _ChangeSetName:
    """Name a change set together with its stack: rights are given for stacks, and an ARN alone would not be one.

    The ARN is arn:aws:cloudformation:region:account:changeSet/name/uuid.
    """
    return {"StackName": stack, "ChangeSetName": arn.split("/")[1]}
