"""The real SDK against a loopback server that speaks the Gemini protocol."""

import json
import logging
import math

import pytest

from annotate.errors import AnnotationRefusedError, KeyRefusedError, ModelUnavailableError
from annotate.gemini import caption
from annotate.gemini.client import FIRST_PAUSE_SECONDS, LEAST_SECONDS, GeminiAnnotator
from catalog.images import Annotation
from support import photos
from support.gemini_server import (
    BAD_KEY,
    DROP,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    OVERLOADED,
    GeminiServer,
    Reply,
    answer,
    blocked,
    description,
    failure,
    finished,
)

KEY = "AIza-the-key-of-the-tests"
MODEL = "gemini-3.5-flash-lite"
GOOD = json.dumps({"caption": "A cat sleeps.", "alt_text": "A grey cat on a sofa.", "tags": ["cat"]})
PHOTO = photos.scene(768, 512)
CAPTION = "A photo of 768 by 512 pixels."
"""The server's own caption of the photo."""


class Client:
    """An annotator with requests of at most 5 seconds and pauses that take no time, and its server."""

    def __init__(self, gemini: GeminiServer) -> None:
        self.gemini = gemini
        self.seconds = 110.0
        self.pauses: list[float] = []
        self._annotator = GeminiAnnotator(KEY, MODEL, "en", seconds=5, sleep=self.pauses.append, left=self.left)

    def left(self) -> float:
        return self.seconds - sum(self.pauses)

    def annotate(self, *replies: Reply) -> Annotation:
        """Describe the photo; the server sends these replies first."""
        self.gemini.reply(*replies)
        return self._annotator.annotate(PHOTO)


@pytest.fixture
def client(gemini: GeminiServer) -> Client:
    return Client(gemini)


def test_the_photo_is_sent_and_described(client: Client) -> None:
    annotation = client.annotate()
    assert annotation.caption == CAPTION
    assert annotation.alt_text == "Something seen in 768 by 512 pixels."
    assert annotation.tags == ("photo", "test")
    assert client.gemini.requests[0].picture.format == "JPEG"


def test_the_annotation_records_its_source_and_cost(client: Client) -> None:
    annotation = client.annotate()
    assert (annotation.model, annotation.language) == (MODEL, "en")
    assert annotation.prompt_version == caption.PROMPT_VERSION
    assert (annotation.input_tokens, annotation.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)


def test_the_request_limits_its_cost(client: Client) -> None:
    client.annotate()
    (request,) = client.gemini.requests
    assert (request.model, request.api_key) == (MODEL, KEY)
    assert request.settings["maxOutputTokens"] == 1024
    assert request.settings["mediaResolution"] == "MEDIA_RESOLUTION_MEDIUM"
    assert request.settings["temperature"] <= 0.5
    assert request.settings["responseJsonSchema"] == caption.SCHEMA


def test_the_prompt_asks_for_the_configured_language(gemini: GeminiServer) -> None:
    annotation = GeminiAnnotator(KEY, MODEL, "pt-BR").annotate(PHOTO)
    assert gemini.requests[0].prompt == caption.prompt("pt-BR")
    assert annotation.language == "pt-BR"


def test_no_request_starts_without_enough_time(client: Client) -> None:
    client.seconds = LEAST_SECONDS - 0.1
    with pytest.raises(ModelUnavailableError, match="no time left"):
        client.annotate()
    assert client.gemini.requests == []


def test_thoughts_are_not_part_of_the_answer(client: Client) -> None:
    reply = finished("STOP", [{"text": "Hm, a cat.", "thought": True}, {"text": GOOD, "thoughtSignature": "AAEC"}])
    assert client.annotate(reply).caption == "A cat sleeps."


def test_the_answer_is_cleaned(client: Client) -> None:
    annotation = client.annotate(description(" A  cat. ", "A cat.", ["Cat", "cat"]))
    assert (annotation.caption, annotation.tags) == ("A cat.", ("cat",))


@pytest.mark.filterwarnings("ignore:BRAND_NEW_REASON is not a valid FinishReason")
def test_a_good_answer_is_used_despite_an_unknown_finish_reason(client: Client) -> None:
    assert client.annotate(answer(GOOD, "BRAND_NEW_REASON")).caption == "A cat sleeps."


BAD_KEYS = [
    BAD_KEY,
    failure(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    failure(403, "PERMISSION_DENIED", f"Permission denied: Consumer 'api_key:{KEY}' has been suspended."),
]


@pytest.mark.parametrize("reply", BAD_KEYS, ids=lambda reply: str(reply.status))
def test_a_refused_key_is_reported_without_showing_it(
    client: Client, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(KeyRefusedError, match="site owner has to check the key") as refused:
        client.annotate(reply)
    assert KEY not in str(refused.value)
    assert refused.value.__suppress_context__
    assert KEY not in caplog.text


REFUSED = {
    "unprocessable": (failure(400, "INVALID_ARGUMENT", "Unable to process input image."), "another format"),
    "location": (failure(400, "FAILED_PRECONDITION", "User location is not supported."), "site owner"),
    "argument": (failure(400, "INVALID_ARGUMENT", "Thinking level is not supported."), "site owner"),
    "model": (failure(404, "NOT_FOUND", "models/x is not found for API version v1beta"), MODEL),
    **{
        f"prompt {reason}": (blocked(reason), reason)
        for reason in ("SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK")
    },
    **{
        f"candidate {reason}": (finished(reason), reason)
        for reason in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE")
    },
}


@pytest.mark.parametrize(("reply", "words"), REFUSED.values(), ids=REFUSED)
def test_a_permanent_failure_has_a_reason(client: Client, reply: Reply, words: str) -> None:
    with pytest.raises(AnnotationRefusedError, match=words) as refused:
        client.annotate(reply)
    assert str(refused.value).endswith(".")


FREE = {
    "throttled": failure(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    "request timeout": failure(408, "CANCELLED", "Request timed out."),
    "internal": failure(500, "INTERNAL", "An internal error has occurred."),
    "overloaded": OVERLOADED,
    "deadline": failure(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "gateway in HTML": Reply(502, b"<!DOCTYPE html><title>Error 502 (Server Error)!!1</title>"),
    "error without JSON object": Reply(503, b'["down"]'),
}
"""Answers that are free."""

PERHAPS_PAID = {
    "dropped": DROP,
    "truncated": Reply(200, b'{"candidates":[{"content":'),
    "no object": Reply(200, b"[]"),
    "empty": Reply(200, b""),
    "no candidates": Reply(200, b'{"usageMetadata": {"promptTokenCount": 1}}'),
    "empty candidates": Reply(200, b'{"candidates": []}'),
    "candidate without content": finished("STOP"),
    "tokens used up by thoughts": finished("MAX_TOKENS"),
    "tokens used up in the middle": answer(GOOD[:25], "MAX_TOKENS"),
    "other reason": finished("OTHER"),
    "fenced": answer(f"```json\n{GOOD}\n```"),
    "broken model JSON": answer('{"caption": "A cat", }'),
    "wrong shape": answer('{"caption": 5, "tags": "cat"}'),
    "empty caption": description("", "A cat.", ["cat"]),
}
"""Unusable answers that Gemini may charge."""

UNAVAILABLE = FREE | PERHAPS_PAID


@pytest.mark.parametrize("reply", UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_a_temporary_failure_is_retried(client: Client, reply: Reply) -> None:
    assert client.annotate(reply).caption == CAPTION
    assert len(client.pauses) == 1


@pytest.mark.parametrize(
    ("reply", "requests"),
    [*((reply, 3) for reply in FREE.values()), *((reply, 2) for reply in PERHAPS_PAID.values())],
    ids=UNAVAILABLE,
)
def test_a_lasting_failure_is_raised_after_a_few_requests(client: Client, reply: Reply, requests: int) -> None:
    with pytest.raises(ModelUnavailableError):
        client.annotate(*[reply] * requests)
    assert len(client.gemini.requests) == requests
    assert client.annotate().caption == CAPTION


def test_other_failures_do_not_add_to_the_requests_that_may_be_charged(client: Client) -> None:
    with pytest.raises(ModelUnavailableError):
        client.annotate(finished("OTHER"), OVERLOADED, finished("OTHER"))
    assert len(client.gemini.requests) == 3


def test_a_permanent_failure_ends_the_retries(client: Client) -> None:
    with pytest.raises(AnnotationRefusedError):
        client.annotate(OVERLOADED, blocked("SAFETY"))
    assert len(client.gemini.requests) == 2


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
    with pytest.raises(ModelUnavailableError):
        client.annotate(reply)
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


@pytest.mark.parametrize(
    "reply",
    [Reply(200, b"{}", delay_seconds=1.5), Reply(200, b" " * 100, seconds_per_byte=0.05)],
    ids=["silent", "dripping"],
)
def test_a_slow_answer_times_out(gemini: GeminiServer, reply: Reply) -> None:
    annotator = GeminiAnnotator(KEY, MODEL, "en", seconds=0.5, left=iter([LEAST_SECONDS, 0]).__next__)
    gemini.reply(reply)
    with pytest.raises(ModelUnavailableError, match=r"took longer than 0\.5 seconds"):
        annotator.annotate(PHOTO)


def test_an_unusable_answer_is_not_quoted(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ModelUnavailableError) as failed:
        client.annotate(*[answer('{"caption": "A secret of the owner"')] * 2)
    assert "owner" not in f"{failed.value} {caplog.text}"


def test_an_unreachable_server_is_a_temporary_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with GeminiServer() as stopped:
        pass
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", stopped.url)
    with pytest.raises(ModelUnavailableError):
        Client(stopped).annotate()


def test_another_key_in_the_environment_is_ignored(gemini: GeminiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    Client(gemini).annotate()
    assert gemini.requests[0].api_key == KEY
