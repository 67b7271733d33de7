"""What a photo costs, whatever Gemini answers: the function as Lambda calls it, with a loopback Gemini server."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import boto3
import pytest

from annotate import handler
from catalog import images, ledger, pause, queue
from catalog.database import Database
from catalog.images import Image
from catalog.selection import parse
from support import photos
from support.catalog_rows import ANNOTATION, row
from support.gemini_server import (
    BAD_KEY,
    DROP,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    OVERLOADED,
    RESPONSE_ID,
    GeminiServer,
    Reply,
    answer,
    blocked,
    failure,
    finished,
)
from support.lambda_context import LambdaContext, event_of, fresh_process
from support.uploads import put_upload

BUCKET = "photos"
KEY = "AIza-the-key-of-the-tests"
DELIVERIES = 18
"""The most for one photo: three for its event, and three for each of the sweep's five announcements."""
GOOD = json.dumps({"caption": "A cat sleeps.", "alt_text": "A grey cat on a sofa.", "tags": ["cat", "sofa"]})
USD = (Decimal("0.30") * INPUT_TOKENS + Decimal("2.50") * OUTPUT_TOKENS) / 1_000_000


@pytest.fixture(autouse=True)
def function(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Configure a fresh process of the function, with a key in its environment as on a laptop."""
    for name in ("GEMINI_SECRET_ARN", "GEMINI_MODEL", "LANGUAGE", "MONTHLY_BUDGET_USD", "DAILY_REQUEST_LIMIT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    with fresh_process(handler.describer):
        yield


@pytest.fixture
def reconfigure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that changes variables, as a deployment does: the next process has them."""

    def change(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        handler.describer().close()
        handler.describer.cache_clear()

    return change


@pytest.fixture
def secret(reconfigure: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Keep the key in a secret, and return a function that replaces its text."""
    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="gemini", SecretString=KEY)["ARN"]
    monkeypatch.delenv("GEMINI_API_KEY")
    reconfigure(GEMINI_SECRET_ARN=arn)
    return lambda text: secrets.put_secret_value(SecretId=arn, SecretString=text) and None


def uploaded() -> str:
    return put_upload(BUCKET, photos.jpeg())


def deliver(photo: str, times: int = 1) -> None:
    """Deliver the event of a photo, with too little time left to retry a request within a delivery."""
    for _ in range(times):
        with suppress(ExceptionGroup):
            handler.handle(event_of(BUCKET, photo), LambdaContext(30))


def delivered(database: Database, *replies: Reply, gemini: GeminiServer, times: int = DELIVERIES) -> Image:
    """Upload a photo, deliver its event as often as possible, and return its row. The server repeats the last reply."""
    gemini.reply(*replies[:-1], *[replies[-1]] * times)
    photo = uploaded()
    deliver(photo, times)
    return row(database, photo)


def paused(database: Database) -> pause.Pause | None:
    with database.connection() as connection:
        return pause.current(connection)


def let_a_minute_pass(database: Database) -> None:
    """Make the next attempt due."""
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE annotation_pause SET next_attempt = NOW(3)")


def requests(database: Database, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of the ledger, in the order of the requests."""
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM annotation_request ORDER BY id")
        return list(cursor.fetchall())


def spent(database: Database) -> Decimal:
    with database.connection() as connection:
        return ledger.spending(connection).month_usd


UNUSABLE = {
    "no text": (finished("STOP", [{"text": ""}]), "STOP"),
    "a loop": (finished("MAX_TOKENS", [{"text": '{"caption": "A cat cat cat'}]), "MAX_TOKENS"),
    "other": (finished("OTHER"), "OTHER"),
    "no candidate": (Reply(200, b'{"candidates": []}'), "NO_CANDIDATE"),
    "prose": (answer("I cannot do that."), "STOP"),
    "recitation": (finished("RECITATION"), "RECITATION"),
    "not JSON": (Reply(200, b"<html>"), "INVALID_BODY"),
}


@pytest.mark.parametrize(("reply", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_photo_fails_after_two_paid_answers_that_are_unusable(
    gemini: GeminiServer, database: Database, reply: Reply, reason: str
) -> None:
    image = delivered(database, reply, gemini=gemini)
    assert len(gemini.requests) == 2
    assert image.annotation_status == "failed"
    assert reason in str(image.annotation_reason)
    assert [outcome for (outcome,) in requests(database, "outcome")] == ["unusable"] * 2
    assert paused(database) is None


def test_a_retry_of_such_a_photo_costs_nothing(gemini: GeminiServer, database: Database) -> None:
    photo = delivered(database, finished("OTHER"), gemini=gemini).id
    with database.connection() as connection:
        images.retry(connection, photo)
    deliver(photo)
    assert len(gemini.requests) == 2
    assert "OTHER" in str(row(database, photo).annotation_reason)


def test_the_operator_can_allow_two_more_answers(gemini: GeminiServer, database: Database) -> None:
    photo = delivered(database, finished("OTHER"), gemini=gemini, times=3).id
    with database.connection() as connection:
        queue.annotate_again(connection, parse("state:failed"), "keep")
    gemini.reply(answer(GOOD))
    deliver(photo, times=2)
    assert row(database, photo).annotation_status == "ready"


RECOVERED = {
    "code fence": f"```json\n{GOOD}\n```",
    "text after it": f"{GOOD}\nI hope this helps!",
    "raw newline": GOOD.replace("A cat", "A\ncat"),
    "list of one": f"[{GOOD}]",
    "tags as one text": GOOD.replace('["cat", "sofa"]', '"cat, sofa"'),
    "no alternative text": GOOD.replace("A grey cat on a sofa.", ""),
}


@pytest.mark.parametrize("text", RECOVERED.values(), ids=RECOVERED)
def test_a_usable_answer_is_recovered_and_paid_for_once(gemini: GeminiServer, database: Database, text: str) -> None:
    image = delivered(database, answer(text), gemini=gemini)
    assert len(gemini.requests) == 1
    assert (image.annotation_status, image.caption, image.tags) == ("ready", "A cat sleeps.", ("cat", "sofa"))


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "ESCALATION", "IMAGE_OTHER"])
def test_a_photo_that_the_model_declines_is_paid_for_once(
    gemini: GeminiServer, database: Database, reason: str
) -> None:
    image = delivered(database, finished(reason), gemini=gemini)
    assert len(gemini.requests) == 1
    assert image.annotation_status == "failed"
    assert reason in str(image.annotation_reason)
    assert requests(database, "outcome", "usd") == [("refused", USD)]


def test_a_picture_that_gemini_cannot_process_gets_one_more_try(gemini: GeminiServer, database: Database) -> None:
    gemini.reply(*[failure(400, "INVALID_ARGUMENT", "Unable to process input image.")] * 4)
    photo = uploaded()
    handler.handle(event_of(BUCKET, photo), LambdaContext(240))
    assert (row(database, photo).annotation_status, len(gemini.requests)) == ("failed", 2)
    assert requests(database, "id") == []


OPERATOR = {
    "invalid key": (BAD_KEY, "key"),
    "unauthenticated": (failure(401, "UNAUTHENTICATED", "No."), "key"),
    "leaked key": (failure(403, "PERMISSION_DENIED", "Your API key was reported as leaked."), "key"),
    "service off": (failure(403, "PERMISSION_DENIED", "Not used before.", "SERVICE_DISABLED"), "service"),
    "no credits": (failure(402, "PAYMENT_REQUIRED", "Credits are used up."), "credits"),
    "model gone": (failure(404, "NOT_FOUND", "models/x is not found."), "model"),
    "location": (failure(400, "FAILED_PRECONDITION", "User location is not supported."), "location"),
    "spend cap": (
        failure(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its monthly spending cap."),
        "spend_cap",
    ),
    "no quota": (failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: requests, limit: 0"), "quota"),
    "expired key": (failure(400, "INVALID_ARGUMENT", "API key expired.", "API_KEY_INVALID"), "key"),
    "quota of the day": (
        failure(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your quota.",
            quotas=["GenerateRequestsPerDayPerProjectPerModel-FreeTier"],
            retry_delay="3600s",
        ),
        "quota",
    ),
}


@pytest.mark.parametrize(("reply", "cause"), OPERATOR.values(), ids=OPERATOR)
def test_a_problem_of_the_operator_pauses_annotation_and_recovers_by_itself(
    gemini: GeminiServer, database: Database, reply: Reply, cause: str
) -> None:
    image = delivered(database, reply, gemini=gemini)
    found = paused(database)
    assert found
    assert found.cause == cause
    assert (image.annotation_status, len(gemini.requests)) == ("pending", 1)
    assert image.annotate_at is not None
    assert (requests(database, "id"), image.unusable_answers) == ([], 0)

    gemini.forget_replies()
    let_a_minute_pass(database)
    deliver(image.id)
    assert paused(database) is None
    assert row(database, image.id).annotation_status == "ready"


def test_deliveries_during_a_pause_are_acknowledged_and_cost_nothing(gemini: GeminiServer, database: Database) -> None:
    delivered(database, BAD_KEY, gemini=gemini, times=1)
    other = uploaded()
    handler.handle(event_of(BUCKET, other), LambdaContext(30))
    assert len(gemini.requests) == 1
    with database.connection() as connection:
        assert queue.size(connection) == 2


def test_a_photo_that_cannot_be_read_leaves_the_pause_to_the_next_probe(
    gemini: GeminiServer, database: Database
) -> None:
    delivered(database, BAD_KEY, gemini=gemini, times=1)
    let_a_minute_pass(database)
    broken = put_upload(BUCKET, b"MZ a program")
    deliver(broken)
    assert row(database, broken).annotation_status == "failed"
    gemini.forget_replies()
    with database.connection() as connection:
        assert pause.is_probe_due(connection)


def test_the_offline_tagger_ignores_a_pause(
    gemini: GeminiServer, database: Database, reconfigure: Callable[..., None]
) -> None:
    photo = delivered(database, BAD_KEY, gemini=gemini, times=1).id
    reconfigure(GEMINI_API_KEY="")
    deliver(photo)
    assert (row(database, photo).model, paused(database)) == ("offline-tagger", None)


@pytest.mark.parametrize("reply", [OVERLOADED, DROP, failure(429, "RESOURCE_EXHAUSTED", "Slow down.")])
def test_a_request_that_was_not_billed_is_retried(gemini: GeminiServer, database: Database, reply: Reply) -> None:
    photo = uploaded()
    gemini.reply(*[reply] * 4)
    deliver(photo, times=4)
    assert row(database, photo).annotation_status == "pending"
    deliver(photo)
    assert (row(database, photo).annotation_status, len(gemini.requests)) == ("ready", 5)


def test_the_ledger_has_what_was_asked_answered_and_paid(gemini: GeminiServer, database: Database) -> None:
    version = "gemini-3.5-flash-lite-001"
    photo = delivered(database, answer(GOOD, modelVersion=version), gemini=gemini, times=2)
    assert photo.model == version
    columns = "image_id", "model", "model_version", "response_id", "outcome", "finish_reason", "usd"
    assert requests(database, *columns) == [
        (photo.id, "gemini-3.5-flash-lite", version, RESPONSE_ID, "used", "STOP", USD)
    ]


def test_a_budget_that_is_used_up_pauses_annotation_until_it_is_raised(
    gemini: GeminiServer, database: Database, reconfigure: Callable[..., None]
) -> None:
    reconfigure(MONTHLY_BUDGET_USD="0.006")
    ids = [uploaded() for _ in range(30)]
    for photo in ids:
        deliver(photo)
    asked = len(gemini.requests)
    found = paused(database)
    assert found
    assert (found.cause, found.detail) == ("budget", "$0.006 a month")
    assert 0 < asked < 30
    assert spent(database) == asked * USD <= Decimal("0.006")
    assert {row(database, photo).annotation_status for photo in ids} == {"ready", "pending"}

    reconfigure(MONTHLY_BUDGET_USD="1")
    let_a_minute_pass(database)
    for photo in reversed(ids):
        deliver(photo)
    assert {row(database, photo).annotation_status for photo in ids} == {"ready"}


def test_the_log_tells_how_much_of_the_budget_is_used(
    gemini: GeminiServer, database: Database, reconfigure: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    reconfigure(MONTHLY_BUDGET_USD=str(USD * 4 + Decimal("0.01")))
    deliver(uploaded())
    percents = [
        vars(record)["budget_used_percent"] for record in caplog.records if "budget_used_percent" in vars(record)
    ]
    assert percents == [int(100 * USD / (USD * 4 + Decimal("0.01")))]


def test_the_daily_requests_are_limited(
    gemini: GeminiServer, database: Database, reconfigure: Callable[..., None]
) -> None:
    reconfigure(DAILY_REQUEST_LIMIT="2")
    for _ in range(4):
        deliver(uploaded())
    found = paused(database)
    assert (len(gemini.requests), found and found.cause) == (2, "daily_limit")


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


def test_another_annotation_by_gemini_replaces_that_of_the_offline_tagger(
    gemini: GeminiServer, database: Database
) -> None:
    photo = delivered(database, blocked("OTHER"), gemini=gemini, times=1)
    with database.connection() as connection:
        images.annotation_ready(connection, photo.id, photo.etag, replace(ANNOTATION, model="offline-tagger"))
        images.edit(connection, photo.id, tags=["mine"])
        queue.annotate_offline_photos_again(connection, 10)
    deliver(photo.id, times=2)
    image = row(database, photo.id)
    assert (image.model, image.tags) == ("gemini-3.5-flash-lite", ("mine",))
    assert len(gemini.requests) == 2
