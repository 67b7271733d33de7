"""How long the Gemini API asks clients to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.gemini.retry_after import requested_delay

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def details(delay: object) -> dict[str, Any]:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    return {"error": {"details": [{"@type": "type.googleapis.com/google.rpc.QuotaFailure"}, info]}}


@given(st.integers(0, 3600), st.integers(0, 999_999_999))
def test_the_delay_of_retry_info_is_a_protobuf_duration(seconds: int, nanos: int) -> None:
    delay = requested_delay(details(f"{seconds}.{nanos:09}s"), None, NOW)
    assert delay == pytest.approx(seconds + nanos / 1e9)
    assert requested_delay(details(f"{seconds}s"), None, NOW) == seconds


@given(st.integers(0, 3600))
def test_the_header_is_a_number_of_seconds_or_a_date(seconds: int) -> None:
    assert requested_delay({}, str(seconds), NOW) == seconds
    assert requested_delay({}, format_datetime(NOW + timedelta(seconds=seconds), usegmt=True), NOW) == seconds


def test_a_date_in_the_past_means_no_delay() -> None:
    assert requested_delay({}, format_datetime(NOW - timedelta(hours=1), usegmt=True), NOW) == 0


def test_a_date_without_a_time_zone_is_in_utc() -> None:
    assert requested_delay({}, "Wed, 25 Nov 2026 12:00:07 -0000", NOW) == 7


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_longer_of_two_delays_is_used(info: int, header: int) -> None:
    assert requested_delay(details(f"{info}s"), str(header), NOW) == max(info, header)


@pytest.mark.parametrize(
    "delay", ["abc", "-5s", "1e300s", "NaNs", "infs", "5", "", " 5s", "٥s", "9" * 400 + "s", 5, None]
)
def test_a_malformed_delay_is_ignored(delay: object) -> None:
    assert requested_delay(details(delay), None, NOW) == 0


@pytest.mark.parametrize("header", ["abc", "-5", "1e300", "NaN", "inf", "5.5", "", "٥", "9" * 400, "Wed, 99 Nov 2026"])
def test_a_malformed_header_is_ignored(header: str) -> None:
    assert requested_delay({}, header, NOW) == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["error", "details", "retryDelay"]), inner),
)


@given(JSON, st.none() | st.text())
def test_every_response_has_a_finite_delay(body: object, header: str | None) -> None:
    assert 0 <= requested_delay(body, header, NOW) < 1e12
