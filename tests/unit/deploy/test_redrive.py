"""The event in a dead letter."""

import json

import pytest

from catalog.events import StoredObject, announcement
from deploy.redrive import event_of

EVENT = announcement(StoredObject("photos", "uploads/x"))


def test_a_failed_invocation_contains_the_original_event() -> None:
    letter = {"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": EVENT}
    assert event_of(json.dumps(letter)) == EVENT


def test_an_undelivered_message_becomes_the_event_of_its_notification() -> None:
    message = {"Type": "Notification", "MessageId": "1", "Message": EVENT["Records"][0]["Sns"]["Message"]}
    event = event_of(json.dumps(message))
    assert event is not None
    assert event["Records"][0]["Sns"]["Message"] == message["Message"]


@pytest.mark.parametrize("body", ["", "not JSON", "[]", "{}", '{"requestPayload": 3}', '{"Type": "Notification"}'])
def test_other_bodies_contain_no_event(body: str) -> None:
    assert event_of(body) is None
