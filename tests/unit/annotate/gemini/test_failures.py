"""Error responses: those that pause annotation, with their cause, and those that concern one photo or one moment.

Their forms are from public reports of users, for example https://github.com/googleapis/python-genai/issues/1764 (leaked
key), https://github.com/continuedev/continue/issues/11336 (expired key) and
https://github.com/google-gemini/gemini-cli/issues/5064 (picture).
"""

import logging
from datetime import UTC, datetime

import httpx2
import pytest
from google.genai import errors
from hypothesis import given
from hypothesis import strategies as st

from annotate.errors import AnnotationRefusedError, ModelUnavailableError, PausedError
from annotate.gemini.cleaning import name
from annotate.gemini.failures import failure as classified
from support.gemini_server import BAD_KEY, OVERLOADED, Reply, failure
from unit.annotate.gemini.asking import CAPTION, KEY, Client

PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
ZERO = "Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, model: gemini-2.5-pro"
SUSPENDED = f"Permission denied: Consumer 'api_key:{KEY}' has been suspended."
NOT_USED = "Generative Language API has not been used in project 5 before or it is disabled."

PAUSES = {
    "invalid key": (BAD_KEY, "key", "400 INVALID_ARGUMENT API_KEY_INVALID"),
    "expired key": (
        failure(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", "API_KEY_INVALID"),
        "key",
        "400 INVALID_ARGUMENT API_KEY_INVALID",
    ),
    "no credentials": (failure(401, "UNAUTHENTICATED", "Invalid credentials."), "key", "401 UNAUTHENTICATED"),
    "leaked key": (
        failure(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
        "key",
        "403 PERMISSION_DENIED",
    ),
    "suspended key": (
        failure(403, "PERMISSION_DENIED", SUSPENDED, "CONSUMER_SUSPENDED"),
        "key",
        "403 PERMISSION_DENIED CONSUMER_SUSPENDED",
    ),
    "key for other services": (
        failure(403, "PERMISSION_DENIED", "Requests are blocked.", "API_KEY_SERVICE_BLOCKED"),
        "key",
        "403 PERMISSION_DENIED API_KEY_SERVICE_BLOCKED",
    ),
    "service off": (
        failure(403, "PERMISSION_DENIED", NOT_USED, "SERVICE_DISABLED"),
        "service",
        "403 PERMISSION_DENIED SERVICE_DISABLED",
    ),
    "service off, without a reason": (
        failure(403, "PERMISSION_DENIED", NOT_USED),
        "service",
        "403 PERMISSION_DENIED",
    ),
    "location": (
        failure(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        "location",
        "400 FAILED_PRECONDITION",
    ),
    "credits used up": (failure(402, "RESOURCE_EXHAUSTED", "Add credits."), "credits", "402 RESOURCE_EXHAUSTED"),
    "credits used up, as throttling": (
        failure(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", retry_delay="10s"),
        "credits",
        "429 RESOURCE_EXHAUSTED",
    ),
    "billing off": (
        failure(403, "PERMISSION_DENIED", "Billing is off.", "BILLING_DISABLED"),
        "credits",
        "403 PERMISSION_DENIED BILLING_DISABLED",
    ),
    "spend cap of the project": (
        failure(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its monthly spending cap."),
        "spend_cap",
        "429 RESOURCE_EXHAUSTED",
    ),
    "spend cap of the account": (
        failure(429, "RESOURCE_EXHAUSTED", "Your billing account has exceeded its monthly spending cap."),
        "spend_cap",
        "429 RESOURCE_EXHAUSTED",
    ),
    "quota of the day": (
        failure(429, "RESOURCE_EXHAUSTED", "You exceeded your quota.", quotas=[PER_MINUTE, PER_DAY], retry_delay="9s"),
        "quota",
        f"429 RESOURCE_EXHAUSTED {PER_DAY}",
    ),
    "no quota": (
        failure(429, "RESOURCE_EXHAUSTED", ZERO, quotas=[PER_MINUTE], retry_delay="11.7s"),
        "quota",
        f"429 RESOURCE_EXHAUSTED {PER_MINUTE}",
    ),
    "retired model": (
        failure(404, "NOT_FOUND", "models/gemini-2.5-flash-lite is no longer available."),
        "model",
        "404 NOT_FOUND",
    ),
    "request that the model does not know": (
        failure(400, "INVALID_ARGUMENT", "Thinking level MINIMAL is not supported for this model."),
        "service",
        "400 INVALID_ARGUMENT",
    ),
    "invalid argument about an image": (
        failure(400, "INVALID_ARGUMENT", "Unsupported MIME type: image/jpeg"),
        "service",
        "400 INVALID_ARGUMENT",
    ),
}


@pytest.mark.parametrize(("reply", "cause", "detail"), PAUSES.values(), ids=PAUSES)
def test_an_operators_problem_pauses_annotation(client: Client, reply: Reply, cause: str, detail: str) -> None:
    with pytest.raises(PausedError) as paused:
        client.annotate(reply)
    assert (paused.value.cause, paused.value.detail) == (cause, detail)
    assert len(client.gemini.requests) == 1
    assert (client.account.cancelled, client.account.settled) == (1, [])


def test_a_pause_keeps_the_requested_delay(client: Client) -> None:
    with pytest.raises(PausedError) as paused:
        client.annotate(failure(429, "RESOURCE_EXHAUSTED", "", quotas=[PER_DAY], retry_delay="65205s"))
    assert paused.value.retry_after == 65205


TEMPORARY = {
    "requests of the minute": failure(429, "RESOURCE_EXHAUSTED", "Too many.", quotas=[PER_MINUTE], retry_delay="3s"),
    "a limit above zero": failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0.5, limit: 05", retry_delay="3s"),
    "unknown quota": failure(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "overloaded": OVERLOADED,
    "error of the service about keys": failure(503, "UNAVAILABLE", "Try later.", "API_KEY_INVALID"),
}


@pytest.mark.parametrize("reply", TEMPORARY.values(), ids=TEMPORARY)
def test_a_temporary_problem_does_not_pause_annotation(client: Client, reply: Reply) -> None:
    assert client.caption(reply) == CAPTION


REJECTED_IMAGE = [
    failure(400, "INVALID_ARGUMENT", "Unable to process input image. Please retry or report in https://example.com"),
    failure(400, "INVALID_ARGUMENT", "Unable to process input image"),
    failure(400, "INVALID_ARGUMENT", "Provided image is not valid."),
]


@pytest.mark.parametrize("reply", REJECTED_IMAGE)
def test_a_rejected_picture_is_sent_once_more(client: Client, reply: Reply) -> None:
    assert client.caption(reply) == CAPTION
    assert client.account.cancelled == 1


@pytest.mark.parametrize("reply", REJECTED_IMAGE)
def test_a_picture_that_is_rejected_twice_is_refused(client: Client, reply: Reply) -> None:
    with pytest.raises(AnnotationRefusedError, match=r"^Gemini could not process this photo\. You can write"):
        client.annotate(reply, OVERLOADED, reply)
    assert (client.account.cancelled, client.account.settled) == (3, [])


@pytest.mark.parametrize("reply", [BAD_KEY, failure(403, "PERMISSION_DENIED", SUSPENDED)], ids=["invalid", "quoted"])
def test_the_key_is_never_shown(client: Client, reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(PausedError) as paused:
        client.annotate(reply)
    assert KEY not in f"{paused.value} {paused.value.detail} {caplog.text}"
    assert paused.value.__context__ is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "details", "reason", "violations", "quotaId", "message", "status"]), inner
        )
    ),
)


@given(code=st.integers(300, 599), body=json_values.filter(lambda body: not isinstance(body, list)))
def test_every_error_has_a_meaning_and_a_detail_of_names(code: int, body: object) -> None:
    response = httpx2.Response(code)
    try:
        error = errors.APIError(code, body, response)
    except Exception:  # noqa: BLE001 - the SDK cannot read it: not an APIError
        return
    found = classified(error, datetime.now(UTC))
    detail = found.detail if isinstance(found, PausedError) else str(found).removeprefix("Gemini answered ")
    if isinstance(found, ModelUnavailableError) and detail.startswith("Gemini could not"):
        return
    assert all(name(word) for word in detail.split(" "))
    assert detail.startswith(str(code))
