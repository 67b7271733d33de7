"""Reads the API's responses with status 200, which may all be billed.

https://ai.google.dev/api/generate-content#FinishReason, #BlockReason
"""

from typing import Literal

from google.genai import types

from annotate.errors import AnnotationRefusedError, PausedError
from annotate.gemini.caption import Description, InvalidAnswerError, parse
from annotate.gemini.cleaning import name
from catalog.ledger import Answer

# The model declined to describe the photo. After any other reason, another request may succeed.
_REFUSALS = frozenset(
    {
        types.FinishReason.SAFETY,
        types.FinishReason.LANGUAGE,
        types.FinishReason.BLOCKLIST,
        types.FinishReason.PROHIBITED_CONTENT,
        types.FinishReason.SPII,
        types.FinishReason.ESCALATION,
        types.FinishReason.MODEL_ARMOR,
        types.FinishReason.IMAGE_SAFETY,
        types.FinishReason.IMAGE_PROHIBITED_CONTENT,
        types.FinishReason.IMAGE_OTHER,
    }
)
# The words are a quotation. The next answer usually is not.
_QUOTATIONS = frozenset({types.FinishReason.RECITATION, types.FinishReason.IMAGE_RECITATION})

INVALID_BODY, NO_CANDIDATE = "INVALID_BODY", "NO_CANDIDATE"
"""The finish reasons in the ledger for a body that is not the API's, and for a response without an answer in it."""
BLOCKED = "Gemini declined to describe this photo ({reason}). You can write a caption yourself."


def description(response: types.GenerateContentResponse) -> Description:
    """Return the description in a response.

    Raises:
        AnnotationRefusedError: the model declined to describe the photo.
        InvalidAnswerError: the response has no usable words; another request may have some.
        PausedError: Google disabled the account.
    """
    feedback = response.prompt_feedback
    if feedback and feedback.block_reason:
        raise _refusal(response)
    if not response.candidates:
        raise InvalidAnswerError("it has no candidate")
    candidate = response.candidates[0]
    if candidate.finish_reason in _REFUSALS:
        raise _refusal(response)
    # Google disabled the account because it broke the policy on prohibited use.
    if candidate.finish_reason is types.FinishReason.PUP_LIMITED_DISABLED:
        raise PausedError("service", candidate.finish_reason.value)
    if candidate.finish_reason in _QUOTATIONS:
        raise InvalidAnswerError("it is a quotation")
    parts = (candidate.content and candidate.content.parts) or []
    return parse("".join(part.text or "" for part in parts if not part.thought))


def answer(response: types.GenerateContentResponse, outcome: Literal["used", "unusable", "refused"]) -> Answer:
    """Return what the ledger keeps of a response."""
    usage = response.usage_metadata or types.GenerateContentResponseUsageMetadata()
    return Answer(
        outcome=outcome,
        model_version=name(response.model_version),
        response_id=name(response.response_id),
        finish_reason=finish_reason(response),
        input_tokens=usage.prompt_token_count,
        output_tokens=usage.candidates_token_count,
        thinking_tokens=usage.thoughts_token_count,
    )


def finish_reason(response: types.GenerateContentResponse) -> str | None:
    """Return why the prompt was blocked, or else why the model ended; None if the response does not say it."""
    feedback = response.prompt_feedback
    reason: types.BlockedReason | types.FinishReason | None = feedback.block_reason if feedback else None
    if reason is None:
        if not response.candidates:
            return NO_CANDIDATE
        reason = response.candidates[0].finish_reason
    return name(reason.value) if reason else None


def _refusal(response: types.GenerateContentResponse) -> AnnotationRefusedError:
    return AnnotationRefusedError(BLOCKED.format(reason=finish_reason(response) or "without a reason"))
