"""Formats of times, sizes, models, amounts and counts, and what photos wait for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.shown_alike import TAG_QUERIES
from web.presentation import (
    absolute_time,
    date,
    file_size,
    matches,
    model_label,
    tag_query,
    time_until,
    usd,
    waiting_text,
)
from web.schemas import Annotation, SearchResult

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_days() -> None:
    assert date("2026-03-05T23:08:09Z") == "5 March 2026"


def test_absolute_times() -> None:
    assert absolute_time("2026-03-05T07:08:09Z") == "5 March 2026, 07:08 UTC"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_960, "10 kB"), (999_499, "999 kB"),
     (999_600, "1.0 MB"), (4_200_000, "4.2 MB"), (52_428_800, "52 MB"), (3_000_000_000, "3000 MB")],
)  # fmt: skip
def test_file_sizes(count: int, text: str) -> None:
    assert file_size(count) == text


@pytest.mark.parametrize(
    ("model", "text"), [("offline-tagger", "offline tagger"), ("gemini-3.8-flash", "gemini-3.8-flash"), (None, "")]
)
def test_names_of_models(model: str | None, text: str) -> None:
    assert model_label(model) == text


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(seconds=-90), "now"),
        (timedelta(0), "now"),
        (timedelta(seconds=1), "in 1 minute"),
        (timedelta(seconds=60), "in 1 minute"),
        (timedelta(seconds=61), "in 2 minutes"),
        (timedelta(minutes=30), "in 30 minutes"),
    ],
)
def test_times_ahead(ahead: timedelta, text: str) -> None:
    assert time_until((NOW + ahead).strftime("%Y-%m-%dT%H:%M:%SZ"), NOW) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.000000", "$0.00"), ("0.000615", "$0.000615"), ("0.012000", "$0.012"), ("0.100000", "$0.10"),
     ("0.615000", "$0.62"), ("1234.500000", "$1,234.50")],
)  # fmt: skip
def test_amounts(amount: str, text: str) -> None:
    assert usd(amount) == text


@pytest.mark.parametrize(
    ("annotation", "text", "during_a_pause"),
    [
        ({}, "Generating caption…", "Waiting: captions are paused"),
        ({"caption_edited": True}, "Generating the other texts…", "Waiting: captions are paused"),
        ({"queued": True}, "Waiting in the queue", "Waiting: captions are paused"),
        ({"status": "ready"}, "", ""),
        ({"status": "failed"}, "", ""),
        (
            {"status": "ready", "queued": True, "reannotation": "keep"},
            "Waiting for another caption",
            "Waiting: captions are paused",
        ),
    ],
)
def test_what_a_photo_waits_for(annotation: dict[str, Any], text: str, during_a_pause: str) -> None:
    shown = Annotation.model_validate({"annotation_status": annotation.pop("status", "pending")} | annotation)
    assert (waiting_text(shown, is_paused=False), waiting_text(shown, is_paused=True)) == (text, during_a_pause)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ({"count": 0}, "No photo matches"),
        ({"count": 1}, "1 photo matches"),
        ({"count": 12}, "12 photos match"),
        ({"count": 1000}, "1,000 photos match"),
        ({"count": 1000, "has_more": True}, "More than 1,000 photos match"),
        ({"count": 1, "is_partial": True}, "At least 1 photo matches"),
        ({"count": 12, "is_partial": True}, "At least 12 photos match"),
        ({"count": 1000, "has_more": True, "is_partial": True}, "More than 1,000 photos match"),
        ({"count": 0, "is_partial": True}, "So far no photo matches"),
        ({"count": None}, "Older photos that match"),
    ],
)
def test_how_many_photos_match(found: dict[str, Any], text: str) -> None:
    unsurprising: dict[str, Any] = {
        "has_more": False,
        "is_partial": False,
        "ignored": [],
        "correction": None,
        "highlights": {},
    }
    assert matches(SearchResult(**unsurprising | found)) == text


@pytest.mark.parametrize(("tag", "query"), TAG_QUERIES)
def test_a_tag_is_searched_as_a_whole(tag: str, query: str) -> None:
    assert tag_query(tag) == query
