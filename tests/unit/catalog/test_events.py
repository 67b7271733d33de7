"""Events that announce uploads."""

import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.events import StoredObject, announced_objects, announcement


def notification(key: str, bucket: str = "photos") -> dict[str, object]:
    """Return an S3 notification as Lambda receives it from SNS."""
    message = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}
    return {"Records": [{"Sns": {"Message": json.dumps(message)}}]}


@given(st.text(min_size=1))
def test_a_key_is_decoded_exactly_once(key: str) -> None:
    assert announced_objects(notification(quote_plus(key))) == [StoredObject("photos", key)]


def test_a_decoded_key_that_looks_encoded_is_not_decoded_again() -> None:
    assert announced_objects(notification("a%252Bb")) == [StoredObject("photos", "a%2Bb")]


def test_the_test_event_of_s3_announces_nothing() -> None:
    event = {"Records": [{"Sns": {"Message": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})}}]}
    assert announced_objects(event) == []


def test_an_event_can_announce_several_objects() -> None:
    event = {"Records": [*notification("a")["Records"], *notification("b")["Records"]]}  # type: ignore[misc]
    assert [stored.key for stored in announced_objects(event)] == ["a", "b"]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": [{}]},
        {"Records": None},
        {"Records": [{"Sns": {"Message": "no JSON"}}]},
        {"Records": [{"Sns": {"Message": "[]"}}]},
        {"Records": [{"Sns": {"Message": '{"Records": [{}]}'}}]},
    ],
)
def test_any_other_event_is_an_error(event: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json.JSONDecodeError is a ValueError
        announced_objects(event)


@given(st.text(min_size=1))
def test_a_repeated_announcement_reads_like_the_original(key: str) -> None:
    stored = StoredObject("photos", key)
    assert announced_objects(announcement(stored)) == [stored]
