"""Change sets: created, read, executed or discarded.

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
"""The default prefix of the names of change sets."""

Replacement = Literal["no", "perhaps", "yes"]
_REPLACEMENTS: Mapping[str, Replacement] = {"False": "no", "True": "yes", "Conditional": "perhaps"}


@dataclass(frozen=True)
class Change:
    """What a change set would do to one resource.

    `properties` are those that change; `causes` are those of them that replace, or might replace, the resource.
    """

    action: str
    logical_id: str
    resource_type: str
    replacement: Replacement = "no"
    properties: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChangeSet:
    """A change set that can be executed."""

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
    """Create a change set that would create or update a stack; return None if nothing would change.

    Args:
        cloudformation: the client.
        stack: the name of the stack.
        template: the text of the template.
        parameters: the values of the template's parameters.
        create: whether the stack is new.
        role: ARN of the role that CloudFormation assumes; the caller's permissions if None.
        label: prefix of its name: letters, digits and hyphens.

    Raises:
        StackError: CloudFormation rejected the template or its parameters.
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
            unchanged = any(message in reason for message in _NO_CHANGES)
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
        StaleError: the change set no longer exists.
    """
    pages = cloudformation.get_paginator("describe_change_set").paginate(**_named(stack, arn))
    try:
        resources = [change["ResourceChange"] for page in pages for change in page.get("Changes", [])]
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_FOUND:
            raise
        raise StaleError(f"{stack}: its change set no longer exists; plan again") from error
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
    """Return the change sets of a stack with exactly this label: ARNs by name."""
    pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=stack)
    found = {summary["ChangeSetName"]: summary["ChangeSetId"] for page in pages for summary in page["Summaries"]}
    return {name: arn for name, arn in found.items() if re.fullmatch(rf"{re.escape(label)}-\d{{8}}T\d{{12}}", name)}


def discard(cloudformation: CloudFormationClient, stack: str, change_set: str) -> None:
    """Delete a change set, by its ARN. It is no error if it is gone or being executed."""
    try:
        cloudformation.delete_change_set(**_named(stack, change_set))
    except ClientError as error:
        if not _is_missing(error) and error.response["Error"]["Code"] != _NOT_EXECUTABLE:
            raise


def execute(cloudformation: CloudFormationClient, stack: str, change_set: str, follow: Follow | None = None) -> bool:
    """Execute a change set and wait until the stack has settled.

    Idempotent: an execution that is in progress is followed to its end, so an interrupted apply can be repeated.

    Args:
        cloudformation: the client.
        stack: the name of the stack.
        change_set: ARN of the change set.
        follow: called with each stack event.

    Returns:
        False if the change set was executed before.

    Raises:
        BusyError: another process is changing the stack.
        StaleError: the stack changed after this change set was created.
        StackError: the stack was rolled back.
    """
    status = execution_status(cloudformation, stack, change_set)
    current = find_stack(cloudformation, stack)
    # An executed change set may be gone, but its stack still names it.
    executed = current if status is None and current is not None and current.change_set == change_set else None
    if status == "EXECUTE_COMPLETE" or (executed and executed.settled):
        return False
    if status == "EXECUTE_FAILED" or (executed and not executed.busy):
        raise StackError(f"{stack}: {first_failure(cloudformation, stack)}; fix that and plan again")
    if status == "EXECUTE_IN_PROGRESS" or executed:
        wait_until_settled(cloudformation, stack, follow)
        return True
    if current is not None and current.busy:
        raise BusyError(f"{stack} is being changed by another process ({current.status}); wait until it is done")
    if status is None or current is None:
        raise StaleError(f"{stack} changed after the plan; plan again")
    before = latest_event(cloudformation, stack)
    try:
        cloudformation.execute_change_set(**_named(stack, change_set))
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if error.response["Error"]["Code"] in (*_NOT_FOUND, _NOT_EXECUTABLE):
            raise StaleError(f"{stack} changed after the plan ({message}); plan again") from error
        raise StackError(f"{stack}: {message}") from error
    wait_until_settled(cloudformation, stack, follow, after=before)
    return True


def execution_status(cloudformation: CloudFormationClient, stack: str, change_set: str) -> str | None:
    """Return the execution status of a change set, such as AVAILABLE; None if it no longer exists."""
    try:
        return cloudformation.describe_change_set(**_named(stack, change_set))["ExecutionStatus"]
    except ClientError as error:
        if _is_missing(error):
            return None
        raise


def _is_missing(error: ClientError) -> bool:
    """Tell whether the change set, or its stack, does not exist."""
    return error.response["Error"]["Code"] in _NOT_FOUND or "does not exist" in error.response["Error"]["Message"]


def _failed_validations(cloudformation: CloudFormationClient, stack: str, arn: str) -> list[str]:
    """Return the validation errors of a change set.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html
    """
    try:
        events = cloudformation.describe_events(**_named(stack, arn), Filters={"FailedEvents": True})["OperationEvents"]
    except ClientError:
        return []  # missing details must not hide the failure reason
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
    """Name a change set together with its stack: permissions are granted for stacks, not for change sets.

    The ARN is arn:aws:cloudformation:region:account:changeSet/name/uuid.
    """
    return {"StackName": stack, "ChangeSetName": arn.split("/")[1]}
