"""Slow searches hold up nothing but other searches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from flask import Flask

import web.database
from catalog.database import Database
from catalog.keys import new_id
from web.app import create_app
from web.database import SearchDatabase, SearchUnavailableError

BEGINNINGS = [letter * 3 for letter in "abcdefgh"]
SLOW = " ".join(BEGINNINGS)


@pytest.fixture
def hasty(app: Flask, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """Make an application whose searches may take no time, and that takes little time for silence."""
    monkeypatch.setattr(web.database, "SEARCH_SECONDS", getattr(request, "param", 0.1))
    monkeypatch.setattr(web.database, "HANGS_SECONDS", 0.01)
    hasty = create_app()
    yield hasty
    hasty.extensions["backends"].database.close()
    hasty.extensions["backends"].searches.close()


@pytest.fixture
def searches(hasty: Flask) -> SearchDatabase:
    """Return the database as searches use it."""
    searches: SearchDatabase = hasty.extensions["backends"].searches
    return searches


@pytest.fixture
def many_words(database: Database) -> None:
    """Fill the index with words that begin alike: to look for their beginnings takes the server long."""
    statement = """INSERT INTO image (id, filename, content_type, bytes, etag, uploaded_at, caption, alt_text)
                   VALUES (%s, 'kite.jpg', 'image/jpeg', 1234, 'e1', NOW(), %s, %s)"""
    words = (
        " ".join(f"{BEGINNINGS[number % 8]}{number:x}" for number in range(first, first + 120))
        for first in count(0, 120)
    )
    with database.transaction() as connection, connection.cursor() as cursor:
        cursor.executemany(statement, [(new_id(), next(words), next(words)) for _ in range(500)])


@pytest.mark.parametrize("hasty", [0.01], indirect=True, ids=["in 10 ms"])
@pytest.mark.parametrize("query", ["t " * 100, SLOW], ids=["t a hundred times", "eight words"])
def test_every_page_is_served_while_a_client_repeats_a_search(
    hasty: Flask, catalogue: Any, many_words: None, query: str
) -> None:
    pages = ["/", f"/images/{catalogue.add()}", "/api/images", "/healthz", "/readyz"]
    stop = threading.Event()
    searches: list[Any] = []

    def search() -> None:
        while not stop.is_set():
            searches.append(hasty.test_client().get("/api/images", query_string={"q": query}))

    def visit(page: str) -> int:
        return hasty.test_client().get(page).status_code

    searching = threading.Thread(target=search)
    searching.start()
    with ThreadPoolExecutor(3) as visitors:
        served = set(visitors.map(visit, pages * 40))
    stop.set()
    searching.join()
    assert served == {200}
    refused = [response for response in searches if response.status_code == 503]
    assert refused or query != SLOW
    assert {response.headers["Retry-After"] for response in refused} <= {"10"}


def test_no_search_begins_while_an_abandoned_one_runs(searches: SearchDatabase) -> None:
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


def test_one_search_waits_for_another_and_no_more(app: Flask) -> None:
    searches = app.extensions["backends"].searches
    began, end = threading.Event(), threading.Event()
    refusals: list[str] = []

    def search() -> None:
        try:
            with searches.connection():
                began.set()
                end.wait()
        except SearchUnavailableError as error:
            refusals.append(str(error))

    three = [threading.Thread(target=search) for _ in range(3)]
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
