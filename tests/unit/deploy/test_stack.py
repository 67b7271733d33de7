"""Answers of AWS that the emulator does not give: other messages for no changes, pages, expired change sets."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.stub import ANY, Stubber

from deploy.change_set import discard, execute, make_change_set
from deploy.drift import find_drift
from deploy.environment import Environment, Stack
from deploy.errors import BusyError, StackError, StaleError
from deploy.stack import find_stack, wait_until_settled
from deploy.template import Template

ARN = "arn:aws:cloudformation:eu-central-1:111122223333:changeSet/deploy-1/0f0f"
STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/gallery/1"
NAMED = {"StackName": "gallery", "ChangeSetName": "deploy-1"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def stubber() -> Iterator[Stubber]:
    """Script the responses of CloudFormation, and check the requests."""
    client = boto3.Session("x", "x").client("cloudformation", region_name="eu-central-1")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def stack(status: str, **more: str) -> dict[str, Any]:
    return {
        "Stacks": [
            {"StackName": "gallery", "StackId": STACK_ID, "StackStatus": status, "CreationTime": NOW, **more},
        ]
    }


def event(number: int, logical_id: str, status: str, reason: str = "") -> dict[str, Any]:
    return {
        "StackId": STACK_ID,
        "EventId": str(number),
        "StackName": "gallery",
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": STACK_ID if logical_id == "gallery" else logical_id,
        "ResourceType": "AWS::CloudFormation::Stack" if logical_id == "gallery" else "AWS::SQS::Queue",
        "Timestamp": NOW,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_both_messages_for_no_changes_are_understood(stubber: Any, reason: str) -> None:
    stubber.add_response("create_change_set", {"Id": ARN})
    stubber.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": reason}, NAMED)
    stubber.add_response("delete_change_set", {}, NAMED)
    assert make_change_set(stubber.client, "gallery", "{}", {}, create=False) is None


def test_a_failed_validation_is_an_error_with_details(stubber: Any) -> None:
    events = {"OperationEvents": [{"LogicalResourceId": "Bucket", "ValidationStatusReason": "the name is taken"}, {}]}
    stubber.add_response("create_change_set", {"Id": ARN})
    stubber.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": "Early validation"}, NAMED)
    stubber.add_response("describe_events", events, {**NAMED, "Filters": {"FailedEvents": True}})
    stubber.add_response("delete_change_set", {}, NAMED)
    with pytest.raises(StackError, match=r"gallery: Early validation\n  Bucket: the name is taken"):
        make_change_set(stubber.client, "gallery", "{}", {}, create=False)


def test_all_pages_of_a_change_set_are_read(stubber: Any) -> None:
    changes = [
        {"ResourceChange": {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::SQS::Queue"}}
        for name in ("First", "Second")
    ]
    stubber.add_response("create_change_set", {"Id": ARN})
    stubber.add_response("describe_change_set", {"Status": "CREATE_COMPLETE"}, NAMED)
    stubber.add_response("describe_change_set", {"Changes": changes[:1], "NextToken": "more"}, NAMED)
    stubber.add_response("describe_change_set", {"Changes": changes[1:]}, {**NAMED, "NextToken": "more"})
    change_set = make_change_set(stubber.client, "gallery", "{}", {}, create=True)
    assert change_set is not None
    assert [change.logical_id for change in change_set.changes] == ["First", "Second"]


def test_the_root_cause_is_found_on_later_pages_and_before_cancelled_resources(
    stubber: Any,
) -> None:
    newest = [event(9, "gallery", "UPDATE_ROLLBACK_COMPLETE"), event(8, "Late", "UPDATE_FAILED", "another cause")]
    older = [
        event(7, "Real", "UPDATE_FAILED", "the cause"),
        event(6, "Other", "UPDATE_FAILED", "Resource update cancelled"),
        event(5, "gallery", "UPDATE_IN_PROGRESS", "User Initiated"),
        event(4, "Old", "CREATE_FAILED", "of an operation before"),
    ]
    stubber.add_response("describe_stack_events", {"StackEvents": newest, "NextToken": "more"})
    stubber.add_response("describe_stack_events", {"StackEvents": older}, {"StackName": "gallery", "NextToken": "more"})
    with pytest.raises(StackError, match=r"gallery: Real \(AWS::SQS::Queue\): the cause \(now UPDATE_ROLLBACK_"):
        wait_until_settled(stubber.client, "gallery")


def test_a_cause_that_only_the_stack_reports_is_reported(stubber: Any) -> None:
    events = [
        event(3, "gallery", "UPDATE_ROLLBACK_COMPLETE"),
        event(2, "gallery", "UPDATE_ROLLBACK_IN_PROGRESS", "User cancelled the update"),
        event(1, "gallery", "UPDATE_IN_PROGRESS", "User Initiated"),
    ]
    stubber.add_response("describe_stack_events", {"StackEvents": events})
    with pytest.raises(StackError, match="gallery: User cancelled the update"):
        wait_until_settled(stubber.client, "gallery")


def test_the_end_of_the_previous_operation_is_ignored(stubber: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.stack.FIRST_POLL_SECONDS", 0)
    old = [event(2, "gallery", "UPDATE_COMPLETE"), event(1, "gallery", "UPDATE_IN_PROGRESS")]
    begun = [event(3, "gallery", "UPDATE_IN_PROGRESS"), *old]
    done = [event(4, "gallery", "UPDATE_COMPLETE"), *begun]
    stubber.add_response("describe_change_set", {"ExecutionStatus": "AVAILABLE"}, NAMED)
    stubber.add_response("describe_stacks", stack("UPDATE_COMPLETE"))
    stubber.add_response("describe_stack_events", {"StackEvents": old})
    stubber.add_response("execute_change_set", {}, NAMED)
    for events in (old, begun, done):
        stubber.add_response("describe_stack_events", {"StackEvents": events})
    assert execute(stubber.client, "gallery", ARN) is True


def add_missing_change_set(stubber: Any, status: str, executed: str = ARN) -> None:
    """Script the responses for a change set that is gone, and its stack with the change set executed last."""
    stubber.add_client_error("describe_change_set", "ChangeSetNotFound", expected_params=NAMED)
    stubber.add_response("describe_stacks", stack(status, ChangeSetId=executed))


def test_an_executed_change_set_that_is_gone_is_recognized_by_its_stack(stubber: Any) -> None:
    add_missing_change_set(stubber, "UPDATE_COMPLETE")
    assert execute(stubber.client, "gallery", ARN) is False


def test_resuming_a_failed_execution_reports_its_cause(stubber: Any) -> None:
    events = [event(2, "Real", "UPDATE_FAILED", "the cause"), event(1, "gallery", "UPDATE_IN_PROGRESS")]
    add_missing_change_set(stubber, "UPDATE_ROLLBACK_COMPLETE")
    stubber.add_response("describe_stack_events", {"StackEvents": events})
    with pytest.raises(StackError, match="the cause; fix that and plan again"):
        execute(stubber.client, "gallery", ARN)


def test_a_missing_change_set_that_was_not_executed_is_stale(stubber: Any) -> None:
    add_missing_change_set(stubber, "UPDATE_COMPLETE", f"{ARN}-another")
    with pytest.raises(StaleError, match="plan again"):
        execute(stubber.client, "gallery", ARN)


def test_a_stack_that_another_change_set_changes_is_busy(stubber: Any) -> None:
    stubber.add_response("describe_change_set", {"ExecutionStatus": "OBSOLETE"}, NAMED)
    stubber.add_response("describe_stacks", stack("UPDATE_IN_PROGRESS"))
    with pytest.raises(BusyError, match="another process"):
        execute(stubber.client, "gallery", ARN)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ChangeSetNotFound", "ChangeSet [deploy-1] does not exist"),
        ("ValidationError", "Stack [gallery] does not exist"),
        ("InvalidChangeSetStatus", "An operation on this ChangeSet is currently in progress."),
    ],
)
def test_discarding_a_missing_or_executing_change_set_is_no_error(stubber: Any, code: str, message: str) -> None:
    stubber.add_client_error("delete_change_set", code, message, expected_params=NAMED)
    discard(stubber.client, "gallery", ARN)


def test_all_pages_of_drift_are_read_without_false_alarms_and_incomplete_checks_are_reported(
    stubber: Any,
) -> None:
    session = Mock(client=Mock(return_value=stubber.client))
    environment = Environment(
        "test", Path("test.yaml"), "eu-central-1", "prefix", "aws", {}, {}, None, None, {}, (STACK,)
    )
    stubber.add_response("describe_stacks", stack("UPDATE_COMPLETE"))
    stubber.add_response("detect_stack_drift", {"StackDriftDetectionId": "1"})
    stubber.add_response(
        "describe_stack_drift_detection_status",
        {
            "StackId": STACK_ID,
            "StackDriftDetectionId": "1",
            "DetectionStatus": "DETECTION_FAILED",
            "DetectionStatusReason": "not allowed to read Role",
            "Timestamp": NOW,
        },
    )
    pages = [[drift("Group", "/DesiredCapacity")], [drift("Group", "/MaxSize"), drift("Group", "/DesiredCapacity")]]
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": pages[0], "NextToken": "more"})
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": pages[1]})
    incomplete, found = find_drift(session, environment)
    assert (incomplete.status, incomplete.differences) == ("INCOMPLETE", ("not allowed to read Role",))
    assert (found.logical_id, found.differences) == ("Group", ("/MaxSize is 3, not 2",))


STACK = Stack("web", Template(Path("web.yaml")), None, {}, {})


def drift(logical_id: str, path: str) -> dict[str, Any]:
    return {
        "StackId": STACK_ID,
        "LogicalResourceId": logical_id,
        "ResourceType": "AWS::AutoScaling::AutoScalingGroup",
        "PropertyDifferences": [
            {"PropertyPath": path, "ExpectedValue": "2", "ActualValue": "3", "DifferenceType": "NOT_EQUAL"}
        ],
        "StackResourceDriftStatus": "MODIFIED",
        "Timestamp": NOW,
    }


def test_other_errors_of_describe_stacks_are_not_hidden(stubber: Any) -> None:
    stubber.add_client_error("describe_stacks", "AccessDenied", "access denied", expected_params={"StackName": ANY})
    with pytest.raises(stubber.client.exceptions.ClientError, match="access denied"):
        find_stack(stubber.client, "gallery")
