"""What AWS answers and the emulator does not: the other words for no change, pages, a stack that remembers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Stubber]]:
    """Script the answers of CloudFormation, and check what it is asked."""
    client = boto3.client(
        "cloudformation", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        yield client, stubber
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
def test_both_ways_of_saying_that_nothing_changes_are_understood(
    cloudformation: tuple[Any, Stubber], reason: str
) -> None:
    client, stubber = cloudformation
    stubber.add_response("create_change_set", {"Id": ARN})
    stubber.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": reason}, NAMED)
    stubber.add_response("delete_change_set", {}, NAMED)
    assert make_change_set(client, "gallery", "{}", {}, create=False) is None


def test_a_change_set_that_fails_validation_is_an_error_with_its_details(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    events = {"OperationEvents": [{"LogicalResourceId": "Bucket", "ValidationStatusReason": "the name is taken"}, {}]}
    stubber.add_response("create_change_set", {"Id": ARN})
    stubber.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": "Early validation"}, NAMED)
    stubber.add_response("describe_events", events, {**NAMED, "Filters": {"FailedEvents": True}})
    stubber.add_response("delete_change_set", {}, NAMED)
    with pytest.raises(StackError, match=r"gallery: Early validation\n  Bucket: the name is taken"):
        make_change_set(client, "gallery", "{}", {}, create=False)


def test_a_change_set_is_read_over_all_its_pages(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    changes = [
        {"ResourceChange": {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::SQS::Queue"}}
        for name in ("First", "Second")
    ]
    stubber.add_response("create_change_set", {"Id": ARN})
    stubber.add_response("describe_change_set", {"Status": "CREATE_COMPLETE"}, NAMED)
    stubber.add_response("describe_change_set", {"Changes": changes[:1], "NextToken": "more"}, NAMED)
    stubber.add_response("describe_change_set", {"Changes": changes[1:]}, {**NAMED, "NextToken": "more"})
    change_set = make_change_set(client, "gallery", "{}", {}, create=True)
    assert change_set is not None
    assert [change.logical_id for change in change_set.changes] == ["First", "Second"]


def test_the_first_real_cause_is_found_pages_back_and_past_what_was_only_cancelled(
    cloudformation: tuple[Any, Stubber],
) -> None:
    client, stubber = cloudformation
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
        wait_until_settled(client, "gallery")


def test_a_cause_that_only_the_stack_tells_is_told(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    events = [
        event(3, "gallery", "UPDATE_ROLLBACK_COMPLETE"),
        event(2, "gallery", "UPDATE_ROLLBACK_IN_PROGRESS", "User cancelled the update"),
        event(1, "gallery", "UPDATE_IN_PROGRESS", "User Initiated"),
    ]
    stubber.add_response("describe_stack_events", {"StackEvents": events})
    with pytest.raises(StackError, match="gallery: User cancelled the update"):
        wait_until_settled(client, "gallery")


def test_the_end_of_an_operation_before_is_not_taken_for_the_end_of_this_one(
    cloudformation: tuple[Any, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, stubber = cloudformation
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
    assert execute(client, "gallery", ARN) is True


def test_an_executed_change_set_that_is_gone_is_remembered_by_its_stack(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    stubber.add_client_error("describe_change_set", "ChangeSetNotFound", expected_params=NAMED)
    stubber.add_response("describe_stacks", stack("UPDATE_COMPLETE", ChangeSetId=ARN))
    assert execute(client, "gallery", ARN) is False


def test_taking_up_an_execution_that_failed_meanwhile_tells_its_cause(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    events = [event(2, "Real", "UPDATE_FAILED", "the cause"), event(1, "gallery", "UPDATE_IN_PROGRESS")]
    stubber.add_client_error("describe_change_set", "ChangeSetNotFound", expected_params=NAMED)
    stubber.add_response("describe_stacks", stack("UPDATE_ROLLBACK_COMPLETE", ChangeSetId=ARN))
    stubber.add_response("describe_stack_events", {"StackEvents": events})
    with pytest.raises(StackError, match="the cause; mend that and plan again"):
        execute(client, "gallery", ARN)


def test_a_change_set_that_is_gone_and_was_not_executed_is_stale(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    stubber.add_client_error("describe_change_set", "ChangeSetNotFound", expected_params=NAMED)
    stubber.add_response("describe_stacks", stack("UPDATE_COMPLETE", ChangeSetId=f"{ARN}-another"))
    with pytest.raises(StaleError, match="plan again"):
        execute(client, "gallery", ARN)


def test_a_stack_that_another_change_set_works_on_is_busy(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    stubber.add_response("describe_change_set", {"ExecutionStatus": "OBSOLETE"}, NAMED)
    stubber.add_response("describe_stacks", stack("UPDATE_IN_PROGRESS"))
    with pytest.raises(BusyError, match="somebody else"):
        execute(client, "gallery", ARN)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ChangeSetNotFound", "ChangeSet [deploy-1] does not exist"),
        ("ValidationError", "Stack [gallery] does not exist"),
        ("InvalidChangeSetStatus", "An operation on this ChangeSet is currently in progress."),
    ],
)
def test_discarding_what_is_gone_or_at_work_is_no_error(
    cloudformation: tuple[Any, Stubber], code: str, message: str
) -> None:
    client, stubber = cloudformation
    stubber.add_client_error("delete_change_set", code, message, expected_params=NAMED)
    discard(client, "gallery", ARN)


def test_drift_is_read_over_all_pages_without_false_alarms_and_with_what_could_not_be_checked(
    cloudformation: tuple[Any, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, stubber = cloudformation
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
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
            "DetectionStatusReason": "no right to look at Role",
            "Timestamp": NOW,
        },
    )
    pages = [[drift("Group", "/DesiredCapacity")], [drift("Group", "/MaxSize"), drift("Group", "/DesiredCapacity")]]
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": pages[0], "NextToken": "more"})
    stubber.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": pages[1]})
    incomplete, found = find_drift(environment)
    assert (incomplete.status, incomplete.differences) == ("INCOMPLETE", ("no right to look at Role",))
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


def test_an_error_that_is_not_about_existence_is_passed_on(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    stubber.add_client_error("describe_stacks", "AccessDenied", "no right", expected_params={"StackName": ANY})
    with pytest.raises(client.exceptions.ClientError, match="no right"):
        find_stack(client, "gallery")
