"""A problem of the operator pauses annotation: no photo fails, and none is paid for meanwhile."""

from collections.abc import Callable

import pytest

from annotate import handler
from catalog import pause, queue
from catalog.database import Database
from support.annotating import BUCKET, USD, deliver, delivered, let_a_minute_pass, paused, requests, uploaded
from support.catalog_rows import row
from support.gemini_server import BAD_KEY, GeminiServer, Reply, failure, finished
from support.lambda_context import LambdaContext, event_of
from support.uploads import put_upload

pytestmark = pytest.mark.usefixtures("function")

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
    "request not understood": (failure(400, "INVALID_ARGUMENT", "Unable to process input image: no part."), "service"),
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


def test_a_disabled_account_pauses_annotation_and_its_answer_is_settled_as_refused(
    gemini: GeminiServer, database: Database
) -> None:
    image = delivered(database, finished("PUP_LIMITED_DISABLED"), gemini=gemini)
    found = paused(database)
    assert found
    assert (found.cause, found.detail) == ("service", "PUP_LIMITED_DISABLED")
    assert (image.annotation_status, image.annotation_reason, image.unusable_answers) == ("pending", None, 0)
    assert image.annotate_at is not None
    assert len(gemini.requests) == 1
    assert requests(database, "outcome", "finish_reason", "usd") == [("refused", "PUP_LIMITED_DISABLED", USD)]

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
