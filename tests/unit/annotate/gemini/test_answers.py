"""Responses with status 200: what is used, counted, or refused, by the reason that the model gives for its end."""

import json

import pytest
from google.genai import types

from annotate.errors import AnnotationRefusedError, PausedError
from annotate.gemini.answers import NO_CANDIDATE
from support.gemini_server import INPUT_TOKENS, OUTPUT_TOKENS, RESPONSE_ID, Reply, answer, blocked, finished
from unit.annotate.gemini.asking import CAPTION, GOOD, Client


def test_thoughts_are_not_part_of_the_answer(client: Client) -> None:
    reply = finished("STOP", [{"text": "Hm, a cat.", "thought": True}, {"text": GOOD, "thoughtSignature": "AAEC"}])
    assert client.caption(reply) == "A cat sleeps."


def test_the_parts_of_an_answer_are_joined(client: Client) -> None:
    assert client.caption(finished("STOP", [{"text": GOOD[:20]}, {"text": GOOD[20:]}])) == "A cat sleeps."


@pytest.mark.filterwarnings("ignore:BRAND_NEW_REASON is not a valid FinishReason")
@pytest.mark.parametrize("reason", ["STOP", "MAX_TOKENS", "OTHER", "BRAND_NEW_REASON"])
def test_a_whole_description_is_used_for_whatever_reason_the_model_ended(client: Client, reason: str) -> None:
    assert client.caption(answer(GOOD, reason)) == "A cat sleeps."
    assert [settled.finish_reason for settled in client.account.settled] == [reason]


RECOVERED = {
    "fenced": f"```json\n{GOOD}\n```",
    "followed by text": f"{GOOD}\nIs there anything else?",
    "line break in a string": GOOD.replace("cat sleeps", "cat\nsleeps"),
    "in a list": f"[{GOOD}]",
    "tags in one string": GOOD.replace('["cat"]', '"cat, sofa"'),
    "no alternative text": GOOD.replace("A grey cat on a sofa.", ""),
}


@pytest.mark.parametrize("text", RECOVERED.values(), ids=RECOVERED)
def test_an_answer_that_is_paid_for_is_recovered(client: Client, text: str) -> None:
    assert client.caption(answer(text)) == "A cat sleeps."
    assert len(client.gemini.requests) == 1


UNUSABLE = {
    "empty text": (answer(""), "STOP"),
    "no content": (finished("STOP"), "STOP"),
    "tokens used up by thoughts": (finished("MAX_TOKENS"), "MAX_TOKENS"),
    "tokens used up in the middle": (answer(GOOD[:25], "MAX_TOKENS"), "MAX_TOKENS"),
    "other reason": (finished("OTHER"), "OTHER"),
    "no image": (finished("NO_IMAGE"), "NO_IMAGE"),
    "malformed": (finished("MALFORMED_RESPONSE"), "MALFORMED_RESPONSE"),
    "function call": (finished("MALFORMED_FUNCTION_CALL"), "MALFORMED_FUNCTION_CALL"),
    "recitation": (answer(GOOD, "RECITATION"), "RECITATION"),
    "recitation of an image": (finished("IMAGE_RECITATION"), "IMAGE_RECITATION"),
    "unknown reason": (finished("BRAND_NEW_REASON"), "BRAND_NEW_REASON"),
    "a sentence as reason": (finished("Sorry, I saw a secret."), None),
    "prose": (answer("A cat sleeps."), "STOP"),
    "wrong shape": (answer('{"caption": 5, "tags": "cat"}'), "STOP"),
}


@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")
@pytest.mark.parametrize(("reply", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_answer_is_counted_with_its_cost_and_tried_again(
    client: Client, reply: Reply, reason: str | None
) -> None:
    assert client.caption(reply) == CAPTION
    (settled,) = client.unused()
    assert (settled.outcome, settled.finish_reason, settled.response_id) == ("unusable", reason, RESPONSE_ID)
    assert (settled.input_tokens, settled.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)


@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")
@pytest.mark.parametrize(("reply", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_no_photo_is_paid_for_more_than_twice(client: Client, reply: Reply, reason: str | None) -> None:
    with pytest.raises(AnnotationRefusedError):
        client.annotate(*[reply] * 3)
    assert len(client.gemini.requests) == 2


@pytest.mark.parametrize("body", [{"usageMetadata": {"promptTokenCount": 1}}, {"candidates": []}])
def test_an_answer_without_candidates_is_unusable(client: Client, body: dict[str, object]) -> None:
    assert client.caption(Reply(200, json.dumps(body).encode())) == CAPTION
    (settled,) = client.unused()
    assert (settled.outcome, settled.finish_reason) == ("unusable", NO_CANDIDATE)


REFUSALS = (
    "SAFETY",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "ESCALATION",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_OTHER",
)


@pytest.mark.parametrize("reason", REFUSALS)
@pytest.mark.parametrize("text", [None, GOOD], ids=["without words", "with words"])
def test_a_refusal_is_final_and_has_a_reason(client: Client, reason: str, text: str | None) -> None:
    with pytest.raises(AnnotationRefusedError, match=rf"\({reason}\)\. You can write a caption yourself\.$"):
        client.annotate(finished(reason) if text is None else answer(text, reason))
    (settled,) = client.unused()
    assert (settled.outcome, settled.finish_reason, settled.input_tokens) == ("refused", reason, INPUT_TOKENS)


@pytest.mark.filterwarnings("ignore:.* is not a valid BlockedReason")
@pytest.mark.parametrize("reason", [*(reason.value for reason in types.BlockedReason), "BRAND_NEW_REASON"])
def test_a_blocked_prompt_is_refused_for_whatever_reason(client: Client, reason: str) -> None:
    with pytest.raises(AnnotationRefusedError, match=reason):
        client.annotate(blocked(reason))
    (settled,) = client.unused()
    assert (settled.outcome, settled.finish_reason) == ("refused", reason)


@pytest.mark.filterwarnings("ignore:.* is not a valid BlockedReason")
def test_a_reason_that_is_not_a_name_is_not_shown(client: Client) -> None:
    with pytest.raises(AnnotationRefusedError) as refused:
        client.annotate(blocked("You sent a secret."))
    assert "secret" not in str(refused.value)


def test_a_limited_account_pauses_annotation(client: Client) -> None:
    with pytest.raises(PausedError) as paused:
        client.annotate(finished("PUP_LIMITED_DISABLED"))
    assert (paused.value.cause, paused.value.detail) == ("service", "PUP_LIMITED_DISABLED")
    assert client.outcomes() == ["refused"]


def test_every_reason_of_the_sdk_is_known() -> None:
    known = {*REFUSALS, "RECITATION", "IMAGE_RECITATION", "PUP_LIMITED_DISABLED"}
    others = {reason.value for reason in types.FinishReason} - known
    # After each of these, another request may succeed. Decide about a new one before adding it here.
    assert others == {
        "FINISH_REASON_UNSPECIFIED",
        "STOP",
        "MAX_TOKENS",
        "OTHER",
        "CONTINUATION",
        "NO_IMAGE",
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
