"""The event that a dead letter holds."""

import json

import pytest

from catalog.events import StoredObject, announcement
from deploy.redrive import event_of

EVENT = announcement(StoredObject("photos", "uploads/x"))


def test_a_failed_invocation_holds_the_event_as_the_function_got_it() -> None:
    letter = {"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": EVENT}
    assert event_of(json.dumps(letter)) == EVENT


def test_an_undelivered_message_becomes_the_event_that_sns_would_have_sent() -> None:
    message = {"Type": "Notification", "MessageId": "1", "Message": EVENT["Records"][0]["Sns"]["Message"]}
    event = event_of(json.dumps(message))
    assert event is not None
    assert event["Records"][0]["Sns"]["Message"] == message["Message"]


@pytest.mark.parametrize("body", ["", "not JSON", "[]", "{}", '{"requestPayload": 3}', '{"Type": "Notification"}'])
def test_what_holds_no_event_is_no_dead_letter(body: str) -> None:
    assert event_of(body) is None
