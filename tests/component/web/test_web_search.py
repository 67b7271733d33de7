"""Searches find photos, and slow ones delay only other searches."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.database import Database
from catalog.keys import new_id
from support.gallery_photos import ANNOTATION, GalleryPhotos
from web import circuit_breaker, search_database
from web.search_database import SearchDatabase, SearchUnavailableError

NO_WORDS = "The search has no words. Enter letters or digits."
PREFIXES = [letter * 3 for letter in "abcdefgh"]
SLOW = " ".join(PREFIXES)


def search(client: FlaskClient, query: str) -> Any:
    return client.get("/api/images", query_string={"q": query})


def found(client: FlaskClient, query: str) -> list[str]:
    return [image["id"] for image in search(client, query).json["images"]]


def test_a_search_finds_words_of_names_captions_and_tags(
    client: FlaskClient, photos: GalleryPhotos, ready_photo: str
) -> None:
    photos.add("other.jpg")
    for query in ("beach", "KITE red", "sand", "kite.jpg"):
        assert found(client, query) == [ready_photo], query
    assert found(client, "submarine") == []


def test_a_complete_caption_finds_its_photo(client: FlaskClient, photos: GalleryPhotos) -> None:
    caption = "A red kite over the beach, in the wind of an autumn day. " * 35
    image_id = photos.add(annotation=replace(ANNOTATION, caption=caption))
    assert found(client, caption) == [image_id]


@given(query=st.text(max_size=200) | st.text(alphabet="+-<>()~*\"@'%\\ ab", max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_succeeds_or_has_no_words(client: FlaskClient, query: str) -> None:
    response = search(client, query)
    assert response.status_code == 200 or response.json["error"]["message"] == NO_WORDS


@pytest.mark.parametrize("query", ["+", "*", "@", "🙂", "- ! ?"])
def test_a_query_without_words_is_rejected(client: FlaskClient, query: str) -> None:
    response = search(client, query)
    assert (response.status_code, response.json["error"]["message"]) == (400, NO_WORDS)


@pytest.mark.parametrize("query", ["", " ", "\t \n"])
def test_a_blank_query_lists_all_photos(client: FlaskClient, ready_photo: str, query: str) -> None:
    assert found(client, query) == [ready_photo]


# ---- Slow searches


@pytest.fixture
def hasty(
    app: Flask, new_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Flask:
    """Create an application with a very short search timeout, whose circuit breaker opens quickly."""
    monkeypatch.setattr(search_database, "STATEMENT_SECONDS", getattr(request, "param", 0.1))
    monkeypatch.setattr(circuit_breaker, "SLOW_FAILURE_SECONDS", 0.01)
    return new_app()


@pytest.fixture
def searches(hasty: Flask) -> SearchDatabase:
    searches: SearchDatabase = hasty.extensions["backends"].searches
    return searches


@pytest.fixture
def many_words(database: Database) -> None:
    """Fill the index with words that share prefixes, which makes searches for those prefixes slow."""
    statement = """INSERT INTO image (id, filename, content_type, bytes, etag, uploaded_at, caption, alt_text)
                   VALUES (%s, 'kite.jpg', 'image/jpeg', 1234, 'e1', NOW(), %s, %s)"""
    words = (
        " ".join(f"{PREFIXES[number % 8]}{number:x}" for number in range(first, first + 120)) for first in count(0, 120)
    )
    with database.transaction() as connection, connection.cursor() as cursor:
        cursor.executemany(statement, [(new_id(), next(words), next(words)) for _ in range(500)])


@pytest.mark.parametrize("hasty", [0.01], indirect=True, ids=["in 10 ms"])
@pytest.mark.parametrize("query", ["t " * 100, SLOW], ids=["t a hundred times", "eight words"])
def test_all_pages_respond_while_a_client_repeats_a_slow_search(
    hasty: Flask, photos: GalleryPhotos, many_words: None, query: str
) -> None:
    pages = ["/", f"/images/{photos.add()}", "/api/images", "/healthz", "/readyz"]
    stop = threading.Event()
    searches: list[Any] = []

    def repeat() -> None:
        while not stop.is_set():
            searches.append(search(hasty.test_client(), query))

    def visit(page: str) -> int:
        return hasty.test_client().get(page).status_code

    searching = threading.Thread(target=repeat)
    searching.start()
    with ThreadPoolExecutor(3) as visitors:
        served = set(visitors.map(visit, pages * 40))
    stop.set()
    searching.join()
    assert served == {200}
    refused = [response for response in searches if response.status_code == 503]
    assert refused or query != SLOW
    assert {response.headers["Retry-After"] for response in refused} <= {"10"}


def test_no_search_starts_while_an_abandoned_one_runs(searches: SearchDatabase) -> None:
    def sleep(seconds: float) -> None:
        with searches.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT SLEEP(%s)", (seconds,))

    with pytest.raises(SearchUnavailableError, match="took too long"):
        sleep(2)
    with pytest.raises(SearchUnavailableError, match="still running"):
        sleep(0)
    while True:
        try:
            sleep(0)
        except SearchUnavailableError:
            time.sleep(0.05)
        else:
            break


def test_at_most_one_search_waits_for_another(app: Flask) -> None:
    searches = app.extensions["backends"].searches
    began, end = threading.Event(), threading.Event()
    refusals: list[str] = []

    def hold() -> None:
        try:
            with searches.connection():
                began.set()
                end.wait()
        except SearchUnavailableError as error:
            refusals.append(str(error))

    three = [threading.Thread(target=hold) for _ in range(3)]
    three[0].start()
    began.wait()
    for later in three[1:]:
        later.start()
    while not refusals:
        time.sleep(0.01)
    end.set()
    for thread in three:
        thread.join()
    assert refusals == ["Another search is running. Please try again in a moment."]
