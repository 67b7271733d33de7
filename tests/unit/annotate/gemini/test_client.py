"""The real SDK against a loopback server that speaks Gemini's protocol."""

import json
import logging
import math

import pytest
from PIL import Image

from annotate.errors import AnnotationRefusedError, KeyRefusedError, ModelUnavailableError
from annotate.gemini import caption
from annotate.gemini.client import FIRST_PAUSE_SECONDS, LEAST_SECONDS, GeminiAnnotator
from support import photos
from support.gemini_server import (
    DROP,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
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


class Pauses:
    """Sleeps that take no time, and the time that they leave."""

    def __init__(self, seconds: float) -> None:
        self.asked: list[float] = []
        self._seconds = seconds

    def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)

    def left(self) -> float:
        return self._seconds - sum(self.asked)

    def annotator(self) -> GeminiAnnotator:
        """Return one whose requests take 5 seconds at the most."""
        return GeminiAnnotator(KEY, MODEL, "en", seconds=5, sleep=self.sleep, left=self.left)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses(seconds=110)


@pytest.fixture
def annotator(gemini: GeminiServer, pauses: Pauses) -> GeminiAnnotator:
    return pauses.annotator()


@pytest.fixture
def photo() -> Image.Image:
    return photos.scene(768, 512)


def test_the_photo_is_sent_and_described(annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image) -> None:
    annotation = annotator.annotate(photo)
    assert annotation.caption == "A photo of 768 by 512 pixels."
    assert annotation.alt_text == "Something seen in 768 by 512 pixels."
    assert annotation.tags == ("photo", "test")
    assert gemini.requests[0].picture.format == "JPEG"


def test_the_annotation_tells_where_it_comes_from_and_what_it_cost(
    annotator: GeminiAnnotator, photo: Image.Image
) -> None:
    annotation = annotator.annotate(photo)
    assert (annotation.model, annotation.language) == (MODEL, "en")
    assert annotation.prompt_version == caption.PROMPT_VERSION
    assert (annotation.input_tokens, annotation.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)


def test_the_request_bounds_its_cost(annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image) -> None:
    annotator.annotate(photo)
    (request,) = gemini.requests
    assert (request.model, request.api_key) == (MODEL, KEY)
    assert request.settings["maxOutputTokens"] == 1024
    assert request.settings["mediaResolution"] == "MEDIA_RESOLUTION_MEDIUM"
    assert request.settings["temperature"] <= 0.5
    assert request.settings["responseJsonSchema"] == caption.SCHEMA


def test_the_caption_is_asked_for_in_the_language(gemini: GeminiServer, photo: Image.Image) -> None:
    annotation = GeminiAnnotator(KEY, MODEL, "pt-BR").annotate(photo)
    assert gemini.requests[0].prompt == caption.prompt("pt-BR")
    assert annotation.language == "pt-BR"


def test_a_request_is_not_begun_when_it_would_be_interrupted(gemini: GeminiServer, photo: Image.Image) -> None:
    annotator = GeminiAnnotator(KEY, MODEL, "en", left=lambda: LEAST_SECONDS - 0.1)
    with pytest.raises(ModelUnavailableError, match="no time left"):
        annotator.annotate(photo)
    assert gemini.requests == []


def test_thoughts_are_no_part_of_the_answer(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image
) -> None:
    gemini.reply(
        finished("STOP", [{"text": "Hm, a cat.", "thought": True}, {"text": GOOD, "thoughtSignature": "AAEC"}])
    )
    assert annotator.annotate(photo).caption == "A cat sleeps."


def test_the_words_are_tidied(annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image) -> None:
    gemini.reply(description(" A  cat. ", "A cat.", ["Cat", "cat"]))
    annotation = annotator.annotate(photo)
    assert (annotation.caption, annotation.tags) == ("A cat.", ("cat",))


@pytest.mark.filterwarnings("ignore:BRAND_NEW_REASON is not a valid FinishReason")
def test_a_good_answer_counts_whatever_the_reason_to_stop_is_called(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image
) -> None:
    gemini.reply(answer(GOOD, "BRAND_NEW_REASON"))
    assert annotator.annotate(photo).caption == "A cat sleeps."


BAD_KEY = [
    failure(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
    failure(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    failure(403, "PERMISSION_DENIED", f"Permission denied: Consumer 'api_key:{KEY}' has been suspended."),
]


@pytest.mark.parametrize("reply", BAD_KEY, ids=lambda reply: str(reply.status))
def test_a_refused_key_is_for_the_operator_and_never_shown(
    annotator: GeminiAnnotator,
    gemini: GeminiServer,
    photo: Image.Image,
    reply: Reply,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    gemini.reply(reply)
    with pytest.raises(KeyRefusedError, match="operator has to check the key") as refused:
        annotator.annotate(photo)
    assert KEY not in str(refused.value)
    assert refused.value.__suppress_context__
    assert KEY not in caplog.text


REFUSED = {
    "unprocessable": (failure(400, "INVALID_ARGUMENT", "Unable to process input image."), "another format"),
    "location": (failure(400, "FAILED_PRECONDITION", "User location is not supported."), "operator"),
    "argument": (failure(400, "INVALID_ARGUMENT", "Thinking level is not supported."), "operator"),
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
def test_a_photo_that_will_never_be_described_is_refused_with_a_reason(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image, reply: Reply, words: str
) -> None:
    gemini.reply(reply)
    with pytest.raises(AnnotationRefusedError, match=words) as refused:
        annotator.annotate(photo)
    assert str(refused.value).endswith(".")


FREE = {
    "throttled": failure(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    "request time-out": failure(408, "CANCELLED", "Request timed out."),
    "internal": failure(500, "INTERNAL", "An internal error has occurred."),
    "overloaded": failure(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "deadline": failure(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "gateway in HTML": Reply(502, b"<!DOCTYPE html><title>Error 502 (Server Error)!!1</title>"),
    "error without JSON object": Reply(503, b'["down"]'),
}
"""Answers that cost nothing."""

PERHAPS_PAID = {
    "dropped": DROP,
    "cut off in the middle": Reply(200, b'{"candidates":[{"content":'),
    "no object": Reply(200, b"[]"),
    "nothing at all": Reply(200, b""),
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
"""Answers that Gemini may charge for, and that are of no use."""

UNAVAILABLE = FREE | PERHAPS_PAID


@pytest.mark.parametrize("reply", UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_a_failure_that_passes_is_followed_by_the_description(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image, pauses: Pauses, reply: Reply
) -> None:
    gemini.reply(reply)
    assert annotator.annotate(photo).caption == "A photo of 768 by 512 pixels."
    assert len(pauses.asked) == 1


@pytest.mark.parametrize(
    ("reply", "requests"),
    [*((reply, 3) for reply in FREE.values()), *((reply, 2) for reply in PERHAPS_PAID.values())],
    ids=UNAVAILABLE,
)
def test_a_failure_that_stays_is_raised_after_a_few_requests_and_the_next_photo_is_described(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image, reply: Reply, requests: int
) -> None:
    gemini.reply(*[reply] * requests)
    with pytest.raises(ModelUnavailableError):
        annotator.annotate(photo)
    assert len(gemini.requests) == requests
    assert annotator.annotate(photo).caption == "A photo of 768 by 512 pixels."


def test_what_is_perhaps_paid_for_is_asked_for_twice_at_the_most_whatever_else_fails(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image
) -> None:
    gemini.reply(finished("OTHER"), OVERLOADED, finished("OTHER"))
    with pytest.raises(ModelUnavailableError):
        annotator.annotate(photo)
    assert len(gemini.requests) == 3


def test_a_refusal_after_a_failure_is_final(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image
) -> None:
    gemini.reply(OVERLOADED, blocked("SAFETY"))
    with pytest.raises(AnnotationRefusedError):
        annotator.annotate(photo)
    assert len(gemini.requests) == 2


OVERLOADED = failure(503, "UNAVAILABLE", "The model is overloaded.")
THROTTLED = {
    "by RetryInfo": failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "RATE_LIMIT_EXCEEDED", retry_delay="31.5s"),
    "by Retry-After": failure(503, "UNAVAILABLE", "Come back later.", retry_after="31"),
    "by both, differently": failure(429, "RESOURCE_EXHAUSTED", "Quota.", retry_delay="2s", retry_after="40"),
}


@pytest.mark.parametrize("reply", THROTTLED.values(), ids=THROTTLED)
def test_gemini_is_left_alone_for_as_long_as_it_asks(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image, pauses: Pauses, reply: Reply
) -> None:
    gemini.reply(reply)
    annotator.annotate(photo)
    (pause,) = pauses.asked
    assert 31 <= pause <= 41 + FIRST_PAUSE_SECONDS


@pytest.mark.parametrize("reply", THROTTLED.values(), ids=THROTTLED)
def test_a_pause_that_there_is_no_time_for_is_not_begun(gemini: GeminiServer, photo: Image.Image, reply: Reply) -> None:
    pauses = Pauses(seconds=35)
    gemini.reply(reply)
    with pytest.raises(ModelUnavailableError):
        pauses.annotator().annotate(photo)
    assert pauses.asked == []
    assert len(gemini.requests) == 1


def test_nobody_waits_for_an_hour_even_if_there_is_time(gemini: GeminiServer, photo: Image.Image) -> None:
    pauses = Pauses(seconds=math.inf)
    gemini.reply(failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", retry_delay="3600s"))
    with pytest.raises(ModelUnavailableError):
        pauses.annotator().annotate(photo)
    assert pauses.asked == []


def test_an_error_that_says_nothing_useful_about_when_to_come_back_is_followed_by_a_short_pause(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image, pauses: Pauses
) -> None:
    gemini.reply(failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", retry_delay="abc", retry_after="1e300"))
    annotator.annotate(photo)
    (pause,) = pauses.asked
    assert 0 <= pause <= FIRST_PAUSE_SECONDS


def test_pauses_never_add_up_to_more_than_there_is(gemini: GeminiServer, photo: Image.Image) -> None:
    pauses = Pauses(seconds=60)
    gemini.reply(*[failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", retry_delay="29s")] * 3)
    with pytest.raises(ModelUnavailableError):
        pauses.annotator().annotate(photo)
    assert len(pauses.asked) == 1
    assert pauses.left() > 0


@pytest.mark.parametrize(
    "reply",
    [Reply(200, b"{}", delay_seconds=1.5), Reply(200, b" " * 100, seconds_per_byte=0.05)],
    ids=["silent", "dripping"],
)
def test_a_slow_answer_is_given_up(gemini: GeminiServer, photo: Image.Image, reply: Reply) -> None:
    annotator = GeminiAnnotator(KEY, MODEL, "en", seconds=0.5, left=iter([LEAST_SECONDS, 0]).__next__)
    gemini.reply(reply)
    with pytest.raises(ModelUnavailableError, match=r"took longer than 0\.5 seconds"):
        annotator.annotate(photo)


def test_an_unusable_answer_is_not_quoted(
    annotator: GeminiAnnotator, gemini: GeminiServer, photo: Image.Image, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gemini.reply(*[answer('{"caption": "What only the owner may know"')] * 2)
    with pytest.raises(ModelUnavailableError) as failed:
        annotator.annotate(photo)
    assert "owner" not in f"{failed.value} {caplog.text}"


def test_no_server_at_all_is_a_failure_that_may_pass(monkeypatch: pytest.MonkeyPatch, photo: Image.Image) -> None:
    with GeminiServer() as stopped:
        pass
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", stopped.url)
    with pytest.raises(ModelUnavailableError):
        Pauses(seconds=110).annotator().annotate(photo)


def test_another_key_in_the_environment_is_not_used(
    gemini: GeminiServer, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    GeminiAnnotator(KEY, MODEL, "en").annotate(photo)
    assert gemini.requests[0].api_key == KEY
