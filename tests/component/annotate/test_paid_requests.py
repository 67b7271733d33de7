"""What a photo costs, whatever Gemini answers: the function as Lambda calls it, with a loopback Gemini server."""

from dataclasses import replace

import pytest

from annotate import handler
from catalog import images, queue
from catalog.database import Database
from catalog.selection import parse
from support.annotating import BUCKET, DELIVERIES, GOOD, USD, deliver, delivered, paused, requests, uploaded
from support.catalog_rows import ANNOTATION, row
from support.gemini_server import DROP, OVERLOADED, RESPONSE_ID, GeminiServer, Reply, answer, blocked, failure, finished
from support.lambda_context import LambdaContext, event_of

pytestmark = pytest.mark.usefixtures("function")

UNPROCESSABLE = failure(400, "INVALID_ARGUMENT", "Unable to process input image.")

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


DECLINED = ["SAFETY", "PROHIBITED_CONTENT", "ESCALATION", "MODEL_ARMOR", "IMAGE_OTHER"]
BLOCKED = ["SAFETY", "PROHIBITED_CONTENT", "MODEL_ARMOR", "JAILBREAK"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [*((finished(reason), reason) for reason in DECLINED), *((blocked(reason), reason) for reason in BLOCKED)],
    ids=[*DECLINED, *(f"prompt, {reason}" for reason in BLOCKED)],
)
def test_a_photo_that_the_model_declines_is_paid_for_once(
    gemini: GeminiServer, database: Database, reply: Reply, reason: str
) -> None:
    image = delivered(database, reply, gemini=gemini)
    assert len(gemini.requests) == 1
    assert image.annotation_status == "failed"
    assert reason in str(image.annotation_reason)
    assert requests(database, "outcome", "finish_reason", "usd") == [("refused", reason, USD)]
    assert paused(database) is None


def test_a_quotation_is_followed_by_another_answer(gemini: GeminiServer, database: Database) -> None:
    image = delivered(database, finished("RECITATION"), answer(GOOD), gemini=gemini)
    assert (image.annotation_status, len(gemini.requests)) == ("ready", 2)
    assert requests(database, "outcome") == [("unusable",), ("used",)]


def test_a_picture_that_gemini_rejects_once_is_described(gemini: GeminiServer, database: Database) -> None:
    image = delivered(database, UNPROCESSABLE, answer(GOOD), gemini=gemini)
    assert (image.annotation_status, len(gemini.requests)) == ("ready", 2)
    assert requests(database, "outcome") == [("used",)]


def test_a_picture_that_gemini_cannot_process_gets_one_more_try(gemini: GeminiServer, database: Database) -> None:
    gemini.reply(*[UNPROCESSABLE] * 4)
    photo = uploaded()
    handler.handle(event_of(BUCKET, photo), LambdaContext(240))
    assert (row(database, photo).annotation_status, len(gemini.requests)) == ("failed", 2)
    assert requests(database, "id") == []


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


def test_a_person_who_edits_only_the_tags_still_gets_a_caption(gemini: GeminiServer, database: Database) -> None:
    gemini.reply(OVERLOADED, *[answer(GOOD)] * DELIVERIES)
    photo = uploaded()
    deliver(photo)
    with database.connection() as connection:
        images.edit(connection, photo, tags=["mine"])
    deliver(photo, times=DELIVERIES)
    image = row(database, photo)
    assert image.annotation_status == "ready"
    assert (image.caption, image.alt_text) == ("A cat sleeps.", "A grey cat on a sofa.")
    assert (image.tags, image.generated_tags) == (("mine",), ("cat", "sofa"))
    assert requests(database, "outcome", "usd") == [("used", USD)]
