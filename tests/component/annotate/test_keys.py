"""The key in a secret: how people store it, replace it and spoil it."""

from collections.abc import Callable

import pytest

from catalog.database import Database
from support.annotating import KEY, deliver, paused, uploaded
from support.catalog_rows import row
from support.gemini_server import BAD_KEY, GeminiServer

pytestmark = pytest.mark.usefixtures("function")


def test_the_photo_that_met_a_replaced_key_is_described(
    gemini: GeminiServer, database: Database, secret: Callable[[str], None]
) -> None:
    deliver(uploaded())
    secret("AQ.the-new-key-of-the-tests")
    photo = uploaded()
    gemini.reply(BAD_KEY)
    deliver(photo)
    assert [request.api_key for request in gemini.requests[-2:]] == [KEY, "AQ.the-new-key-of-the-tests"]
    assert (row(database, photo).annotation_status, paused(database)) == ("ready", None)


@pytest.mark.parametrize(
    "text", [f'{{"GEMINI_API_KEY": "{KEY}"}}', f'"{KEY}"', f"\ufeff{KEY}\r\n", f"'{KEY}'", f" {KEY} "]
)
def test_a_key_is_read_as_people_store_it(
    gemini: GeminiServer, database: Database, secret: Callable[[str], None], text: str
) -> None:
    secret(text)
    deliver(uploaded())
    assert [request.api_key for request in gemini.requests] == [KEY]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (" ", "is blank"),
        ('{"a": "AIza", "b": "AIza"}', "has 2 values instead of one"),
        ('{"key": 5}', "is not text"),
        ("{}", "has 0 values"),
        ("my key is AIza-the-key-of-the-tests", "is not an API key"),
        ("sk-123", "is not an API key"),
    ],
)
def test_a_malformed_secret_pauses_annotation_and_is_named(
    gemini: GeminiServer,
    database: Database,
    secret: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
    text: str,
    problem: str,
) -> None:
    secret(text)
    photo = uploaded()
    deliver(photo, times=3)
    found = paused(database)
    assert found
    assert found.cause == "secret"
    assert problem in found.detail
    assert KEY not in found.detail + caplog.text
    assert (row(database, photo).annotation_status, gemini.requests) == ("pending", [])
