"""The real SDK against a loopback server that speaks the Gemini protocol: requests, their account and their time."""

import logging
import math

import pytest

from annotate.annotator import Facts
from annotate.errors import AnnotationRefusedError, ModelUnavailableError, PausedError
from annotate.gemini import prompt
from annotate.gemini.answers import INVALID_BODY, NO_CANDIDATE
from annotate.gemini.client import (
    ANSWER_TOKENS,
    FIRST_PAUSE_SECONDS,
    LEAST_SECONDS,
    THINKING_TOKENS,
    GeminiAnnotator,
)
from catalog.deadline import OutOfTimeError, time_limit
from catalog.ledger import Answer
from support.gemini_server import (
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
from support.memory_account import MemoryAccount, Opened
from unit.annotate.gemini.asking import CAPTION, GOOD, KEY, MODEL, PHOTO, Client


def test_the_photo_is_sent_and_described(client: Client) -> None:
    annotation = client.annotate()
    assert annotation.caption == CAPTION
    assert annotation.alt_text == "Something seen in 768 by 512 pixels."
    assert annotation.tags == ("photo", "test")
    assert client.gemini.requests[0].picture.format == "JPEG"


def test_the_annotation_records_its_source_and_cost(client: Client) -> None:
    annotation = client.annotate()
    assert (annotation.model, annotation.language) == (MODEL, "en")
    assert annotation.prompt_version == prompt.PROMPT_VERSION
    assert (annotation.input_tokens, annotation.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)


def test_an_answer_that_is_used_is_settled(client: Client) -> None:
    usage = {"promptTokenCount": 700, "candidatesTokenCount": 50, "thoughtsTokenCount": 8}
    annotation = client.annotate(answer(GOOD, modelVersion="gemini-3.5-flash-lite-001", usageMetadata=usage))
    expected = Answer(
        outcome="used",
        model_version="gemini-3.5-flash-lite-001",
        response_id=RESPONSE_ID,
        finish_reason="STOP",
        input_tokens=700,
        output_tokens=50,
        thinking_tokens=8,
    )
    assert annotation.output_tokens == 58
    assert (client.account.open_requests, client.account.settled, client.account.cancelled) == (0, [expected], 0)


@pytest.mark.parametrize(
    ("version", "model"),
    [("gemini-3.6-flash", "gemini-3.6-flash"), ("Sorry, a sentence", MODEL), ("x" * 101, MODEL), ("", MODEL)],
)
def test_the_model_that_answered_is_recorded_under_its_name(client: Client, version: str, model: str) -> None:
    assert client.annotate(answer(GOOD, modelVersion=version)).model == model


def test_the_request_limits_its_cost(client: Client) -> None:
    client.annotate()
    (request,) = client.gemini.requests
    assert (request.model, request.api_key) == (MODEL, KEY)
    assert request.settings["maxOutputTokens"] == ANSWER_TOKENS
    assert request.settings["thinkingConfig"] == {"thinking_level": "MINIMAL"}
    assert request.settings["mediaResolution"] == "MEDIA_RESOLUTION_MEDIUM"
    assert request.settings["responseJsonSchema"] == prompt.SCHEMA
    assert "temperature" not in request.settings


def test_a_model_that_always_thinks_may_use_more_tokens(gemini: GeminiServer) -> None:
    client = Client(gemini, "gemini-3.8-flash")
    client.annotate()
    assert gemini.requests[0].settings["thinkingConfig"] == {"thinking_level": "LOW"}
    assert gemini.requests[0].settings["maxOutputTokens"] == ANSWER_TOKENS + THINKING_TOKENS
    assert client.account.opened[0].most_output_tokens == ANSWER_TOKENS + THINKING_TOKENS


def test_a_request_is_opened_with_the_most_that_it_can_cost(gemini: GeminiServer) -> None:
    short, long = Client(gemini), Client(gemini, context="猫" * 1000)
    short.annotate()
    long.annotate(facts=Facts("a name.jpg"))
    (few,), (many,) = short.account.opened, long.account.opened
    assert few == Opened(MODEL, "2", few.most_input_tokens, ANSWER_TOKENS)
    assert INPUT_TOKENS < few.most_input_tokens < 5000
    assert many.most_input_tokens > few.most_input_tokens + 3000
    assert many.prompt_version == prompt.version("猫" * 1000)


def test_instructions_and_data_are_separate(gemini: GeminiServer) -> None:
    annotation = GeminiAnnotator(KEY, MODEL, "pt-BR", "Birds of Brazil.").annotate(
        PHOTO, Facts("a.jpg", "2026-06-30 18:05", "Canon EOS R5"), MemoryAccount()
    )
    (request,) = gemini.requests
    assert request.instruction == prompt.instructions("pt-BR", "Birds of Brazil.")
    assert request.text == prompt.data(Facts("a.jpg", "2026-06-30 18:05", "Canon EOS R5"))
    assert (annotation.language, annotation.prompt_version) == (
        "pt-BR",
        prompt.version("Birds of Brazil."),
    )


def test_no_request_starts_without_enough_time(client: Client) -> None:
    client.seconds = LEAST_SECONDS - 0.1
    with pytest.raises(ModelUnavailableError, match="no time left"):
        client.annotate()
    assert client.gemini.requests == []
    assert (client.account.cancelled, client.account.open_requests) == (1, 0)


def test_nothing_is_sent_when_the_account_permits_no_request(client: Client) -> None:
    def refuse() -> None:
        raise PausedError("budget", "$5 a month")

    client.account.before_opening = refuse
    with pytest.raises(PausedError, match="budget"):
        client.annotate()
    assert client.gemini.requests == []


FREE = {
    "throttled": failure(429, "RESOURCE_EXHAUSTED", "Too many requests at the moment."),
    "request timeout": failure(408, "CANCELLED", "Request timed out."),
    "cancelled": failure(499, "CANCELLED", "The operation was cancelled."),
    "internal": failure(500, "INTERNAL", "An internal error has occurred."),
    "overloaded": OVERLOADED,
    "deadline": failure(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "gateway in HTML": Reply(502, b"<!DOCTYPE html><title>Error 502 (Server Error)!!1</title>"),
    "error without JSON object": Reply(503, b'["down"]'),
}
"""Error responses, which are not billed."""

UNREADABLE = {
    "broken": Reply(200, b'{"candidates":[{"content":'),
    "no object": Reply(200, b"[]"),
    "text": Reply(200, b"OK"),
    "empty": Reply(200, b""),
    "number": Reply(200, b"5"),
    "wrong type": Reply(200, b'{"candidates": [{"content": []}]}'),
}
"""Bodies with status 200 that are not the API's."""


@pytest.mark.parametrize("reply", FREE.values(), ids=FREE)
def test_an_error_is_retried_without_being_counted(client: Client, reply: Reply) -> None:
    assert client.caption(reply) == CAPTION
    assert len(client.pauses) == 1
    assert (client.account.cancelled, client.unused()) == (1, [])


@pytest.mark.parametrize("reply", FREE.values(), ids=FREE)
def test_a_lasting_error_is_raised_after_a_few_requests(client: Client, reply: Reply) -> None:
    with pytest.raises(ModelUnavailableError):
        client.annotate(*[reply] * 3)
    assert len(client.gemini.requests) == client.account.cancelled == 3
    assert client.caption() == CAPTION


@pytest.mark.parametrize("reply", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_is_not_the_apis_was_perhaps_billed(client: Client, reply: Reply) -> None:
    assert client.caption(reply) == CAPTION
    (settled,) = client.unused()
    assert settled.outcome == "unusable"
    assert settled.finish_reason == (NO_CANDIDATE if reply.body in (b"", b"[]") else INVALID_BODY)


def test_a_dropped_connection_was_perhaps_billed_but_is_no_answer(client: Client) -> None:
    assert client.caption(DROP, DROP) == CAPTION
    assert client.unused() == [Answer(outcome="unanswered")] * 2
    assert len(client.gemini.requests) == 3


def test_each_request_is_in_the_account(client: Client) -> None:
    with pytest.raises(ModelUnavailableError):
        client.annotate(*[DROP] * 3)
    assert len(client.gemini.requests) == len(client.account.opened) == 3


def test_an_unreachable_server_was_not_billed(monkeypatch: pytest.MonkeyPatch) -> None:
    with GeminiServer() as stopped:
        pass
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", stopped.url)
    client = Client(stopped)
    with pytest.raises(ModelUnavailableError, match="no connection"):
        client.annotate()
    assert (client.account.cancelled, client.unused()) == (3, [])


@pytest.mark.parametrize(
    "reply",
    [Reply(200, b"{}", delay_seconds=1.5), Reply(200, b" " * 100, seconds_per_byte=0.05)],
    ids=["silent", "dripping"],
)
def test_a_slow_answer_times_out(gemini: GeminiServer, reply: Reply) -> None:
    account = MemoryAccount()
    annotator = GeminiAnnotator(KEY, MODEL, "en", seconds=0.5, left=iter([LEAST_SECONDS, 0]).__next__)
    gemini.reply(reply)
    with pytest.raises(ModelUnavailableError, match=r"took longer than 0\.5 seconds"):
        annotator.annotate(PHOTO, Facts(), account)
    assert account.settled == [Answer(outcome="unanswered")]


def test_a_request_that_the_alarm_interrupts_stays_open(gemini: GeminiServer) -> None:
    account = MemoryAccount()
    gemini.reply(Reply(200, b"{}", delay_seconds=1.5))
    annotator = GeminiAnnotator(KEY, MODEL, "en", left=lambda: 100)
    with pytest.raises(OutOfTimeError), time_limit(0.5):
        annotator.annotate(PHOTO, Facts(), account)
    assert account.open_requests == 1


def test_a_permanent_failure_ends_the_retries(client: Client) -> None:
    with pytest.raises(AnnotationRefusedError):
        client.annotate(OVERLOADED, blocked("SAFETY"))
    assert len(client.gemini.requests) == 2


def test_unusable_answers_are_tried_again_as_often_as_the_account_permits(client: Client) -> None:
    with pytest.raises(ModelUnavailableError):
        client.annotate(finished("OTHER"), OVERLOADED, finished("OTHER"))
    with pytest.raises(AnnotationRefusedError, match="Two answers"):
        client.annotate()
    assert client.outcomes() == ["unusable", "unusable"]
    assert len(client.gemini.requests) == 3


def test_an_unusable_answer_is_not_tried_again_without_enough_time(client: Client) -> None:
    client.seconds = 4.5
    with pytest.raises(ModelUnavailableError, match="finish reason: OTHER"):
        client.annotate(finished("OTHER"))
    assert client.outcomes() == ["unusable"]


def throttled(retry_delay: str) -> Reply:
    return failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "RATE_LIMIT_EXCEEDED", retry_delay=retry_delay)


THROTTLED = {
    "by RetryInfo": throttled("31.5s"),
    "by Retry-After": failure(503, "UNAVAILABLE", "Come back later.", retry_after="31"),
    "by both, differently": failure(429, "RESOURCE_EXHAUSTED", "Quota.", retry_delay="2s", retry_after="40"),
}


@pytest.mark.parametrize("reply", THROTTLED.values(), ids=THROTTLED)
def test_a_requested_delay_is_respected(client: Client, reply: Reply) -> None:
    client.annotate(reply)
    (pause,) = client.pauses
    assert 31 <= pause <= 41 + FIRST_PAUSE_SECONDS


@pytest.mark.parametrize("reply", THROTTLED.values(), ids=THROTTLED)
def test_no_pause_starts_without_enough_time(client: Client, reply: Reply) -> None:
    client.seconds = 35
    with pytest.raises(ModelUnavailableError) as unavailable:
        client.annotate(reply)
    assert unavailable.value.retry_after >= 31
    assert client.pauses == []
    assert len(client.gemini.requests) == 1


def test_a_very_long_delay_is_never_waited_for(client: Client) -> None:
    client.seconds = math.inf
    with pytest.raises(ModelUnavailableError):
        client.annotate(throttled("3600s"))
    assert client.pauses == []


def test_a_malformed_delay_means_a_short_pause(client: Client) -> None:
    client.annotate(failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", retry_delay="abc", retry_after="1e300"))
    (pause,) = client.pauses
    assert 0 <= pause <= FIRST_PAUSE_SECONDS


def test_pauses_fit_into_the_time_that_is_left(client: Client) -> None:
    client.seconds = 60
    with pytest.raises(ModelUnavailableError):
        client.annotate(*[throttled("29s")] * 3)
    assert len(client.pauses) == 1
    assert client.left() > 0


def test_an_unusable_answer_is_not_quoted(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client.seconds = 5
    with pytest.raises(ModelUnavailableError) as failed:
        client.annotate(answer('{"caption": "A secret of the owner"'))
    assert "owner" not in f"{failed.value} {caplog.text} {client.account.settled}"


def test_another_key_in_the_environment_is_ignored(gemini: GeminiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    Client(gemini).annotate()
    assert gemini.requests[0].api_key == KEY
