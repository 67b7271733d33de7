"""The page and the JSON of the statistics."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from catalog import ledger, pause
from catalog.database import Database
from catalog.keys import new_id
from catalog.ledger import Answer, Limits, Request
from support.catalog_rows import row
from support.gallery_photos import GalleryPhotos
from web.statistics import MAX_AGE_SECONDS, StatisticsCache

USED = Answer(outcome="used", finish_reason="STOP", input_tokens=800, output_tokens=100, thinking_tokens=50)


def ask(connection: Any, image_id: str, answer: Answer | None, model: str = "gemini-3.5-flash-lite") -> None:
    """Put a request into the ledger, without an answer if None."""
    request = Request(
        id=new_id(),
        image_id=image_id,
        etag=row(connection, image_id).etag,
        model=model,
        prompt_version="1",
        most_input_tokens=1000,
        most_output_tokens=1000,
    )
    assert ledger.open_request(connection, request, Limits())
    if answer:
        assert ledger.settle(connection, request.id, answer)


def text(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def test_an_empty_gallery_has_statistics(client: FlaskClient) -> None:
    found = client.get("/api/stats").json
    assert (found["images"], found["queued"], found["paused"]) == (0, 0, None)
    assert found["thumbnails"] == found["annotations"] == {"pending": 0, "ready": 0, "failed": 0}
    assert found["total"]["usd"] == "0.000000"
    assert found["days"] == found["months"] == found["models"] == found["sources"] == found["outcomes"] == []
    page = client.get("/stats").text
    assert "0 photos, 0 in the queue" in text(page)
    assert "No photo has texts" in page


def test_the_statistics_of_a_described_photo(client: FlaskClient, database: Database, ready_photo: str) -> None:
    with database.connection() as connection:
        ask(connection, ready_photo, USED)
    found = client.get("/api/stats").json
    usage = {
        "requests": 1,
        "captions": 1,
        "input_tokens": 800,
        "output_tokens": 100,
        "thinking_tokens": 50,
        "usd": "0.000615",
        "unknown_costs": 0,
        "usd_per_caption": "0.000615",
    }
    assert found["total"] == usage
    assert found["models"] == [{"model": "gemini-3.5-flash-lite"} | usage]
    assert [day | {"day": ""} for day in found["days"]] == [usage | {"day": ""}]
    assert found["months"][0]["month"] == found["days"][0]["day"][:7]
    assert found["outcomes"] == [{"outcome": "used", "finish_reason": "STOP", "requests": 1}]
    assert found["sources"] == [{"model": "gemini", "prompt_version": "1", "images": 1}]
    page = text(client.get("/stats").text)
    assert "gemini-3.5-flash-lite $0.000615 $0.000615 1 1 800 100 50" in page
    assert "Texts 1 0 0" in page


def test_unknown_costs_are_shown_as_unknown(client: FlaskClient, database: Database, ready_photo: str) -> None:
    with database.connection() as connection:
        ask(connection, ready_photo, USED)
        ask(connection, ready_photo, USED, model="gemini-of-tomorrow")
    found = client.get("/api/stats").json
    assert {usage["model"]: usage["usd"] for usage in found["models"]} == {
        "gemini-3.5-flash-lite": "0.000615",
        "gemini-of-tomorrow": None,
    }
    assert found["total"]["unknown_costs"] == 1
    page = text(client.get("/stats").text)
    assert "gemini-of-tomorrow unknown – 1 1 800 100 50" in page
    assert "Total $0.000615 + 1 unknown $0.000615 2 2 1,600 200 100" in page


def test_a_request_without_an_answer_costs_an_unknown_amount(
    client: FlaskClient, database: Database, ready_photo: str
) -> None:
    with database.connection() as connection:
        ask(connection, ready_photo, None)
    assert "Total unknown – 1 0 0 0 0" in text(client.get("/stats").text)


def test_a_deleted_photo_leaves_its_costs(client: FlaskClient, database: Database, ready_photo: str) -> None:
    with database.connection() as connection:
        ask(connection, ready_photo, USED)
    assert client.delete(f"/api/images/{ready_photo}").status_code == 204
    found = client.get("/api/stats").json
    assert (found["images"], found["annotations"]["ready"], found["total"]["usd"]) == (0, 0, "0.000615")


def test_the_pause_is_of_this_moment(client: FlaskClient, database: Database) -> None:
    assert client.get("/api/stats").json["paused"] is None
    with database.connection() as connection:
        pause.start(connection, "quota", "429")
    assert client.get("/api/stats").json["paused"]["cause"] == "quota"
    page = text(client.get("/stats").text)
    assert "Captions are paused since" in page
    assert "Cause: quota ." in page


def test_statistics_are_counted_at_most_once_a_minute(app: Flask, photos: GalleryPhotos) -> None:
    now = 0.0
    cache = StatisticsCache(app.extensions["backends"].bulk, lambda: now)
    photos.add()
    assert cache.load().images == 1
    photos.add()
    now = MAX_AGE_SECONDS
    assert cache.load().images == 1
    now = MAX_AGE_SECONDS + 1
    assert cache.load().images == 2


def test_a_failed_count_is_repeated(without_database: FlaskClient, client: FlaskClient) -> None:
    assert without_database.get("/api/stats").status_code == 503
    assert client.get("/api/stats").status_code == 200


@pytest.mark.parametrize("path", ["/", "/images/{id}", "/annotate"])
def test_every_page_links_to_the_statistics(client: FlaskClient, ready_photo: str, path: str) -> None:
    assert '<a href="/stats">Statistics</a>' in client.get(path.format(id=ready_photo)).text
    assert 'href="/annotate"' in client.get("/stats").text
