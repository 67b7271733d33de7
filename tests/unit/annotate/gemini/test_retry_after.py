"""How long the Gemini API asks to be left alone."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.gemini.retry_after import asked_seconds

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def details(delay: object) -> dict[str, Any]:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    return {"error": {"details": [{"@type": "type.googleapis.com/google.rpc.QuotaFailure"}, info]}}


@given(st.integers(0, 3600), st.integers(0, 999_999_999))
def test_the_delay_of_retry_info_is_a_protobuf_duration(seconds: int, nanos: int) -> None:
    asked = asked_seconds(details(f"{seconds}.{nanos:09}s"), None, NOW)
    assert asked == pytest.approx(seconds + nanos / 1e9)
    assert asked_seconds(details(f"{seconds}s"), None, NOW) == seconds


@given(st.integers(0, 3600))
def test_the_header_is_a_number_of_seconds_or_a_date(seconds: int) -> None:
    assert asked_seconds({}, str(seconds), NOW) == seconds
    assert asked_seconds({}, format_datetime(NOW + timedelta(seconds=seconds), usegmt=True), NOW) == seconds


def test_a_date_that_has_passed_asks_for_nothing() -> None:
    assert asked_seconds({}, format_datetime(NOW - timedelta(hours=1), usegmt=True), NOW) == 0


def test_a_date_without_a_time_zone_is_in_utc() -> None:
    assert asked_seconds({}, "Wed, 25 Nov 2026 12:00:07 -0000", NOW) == 7


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_longer_of_two_delays_counts(info: int, header: int) -> None:
    assert asked_seconds(details(f"{info}s"), str(header), NOW) == max(info, header)


@pytest.mark.parametrize(
    "delay", ["abc", "-5s", "1e300s", "NaNs", "infs", "5", "", " 5s", "٥s", "9" * 400 + "s", 5, None]
)
def test_a_malformed_delay_asks_for_nothing(delay: object) -> None:
    assert asked_seconds(details(delay), None, NOW) == 0


@pytest.mark.parametrize("header", ["abc", "-5", "1e300", "NaN", "inf", "5.5", "", "٥", "9" * 400, "Wed, 99 Nov 2026"])
def test_a_malformed_header_asks_for_nothing(header: str) -> None:
    assert asked_seconds({}, header, NOW) == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["error", "details", "retryDelay"]), inner),
)


@given(JSON, st.none() | st.text())
def test_whatever_is_answered_a_delay_is_a_number_of_seconds(body: object, header: str | None) -> None:
    assert 0 <= asked_seconds(body, header, NOW) < 1e12
