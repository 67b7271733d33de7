"""Asks the Gemini API for a description. Importing this takes half a second: google.genai builds many model classes.

The protocol: https://ai.google.dev/api/generate-content. `GOOGLE_GEMINI_BASE_URL` overrides the host.
"""

import asyncio
import io
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from google import genai
from google.genai import errors, types
from PIL import Image

from annotate.errors import AnnotationRefusedError, KeyRefusedError, ModelUnavailableError, UnusableAnswerError
from annotate.gemini import caption
from annotate.gemini.retry_after import requested_delay
from catalog.backoff import full_jitter
from catalog.deadline import seconds_left
from catalog.images import Annotation

logger = logging.getLogger(__name__)

API_VERSION = "v1beta"
REQUEST_SECONDS = 30.0
MAX_REQUESTS = 3
MAX_PAID_REQUESTS = 2
"""The limit for requests whose answers may have been charged."""
LEAST_SECONDS = 3.0
"""No request starts with less time than this: it would be interrupted, and its answer charged and lost."""
TOTAL_SECONDS = 110.0
"""The limit for a request and the pause before it, even without a deadline."""
FIRST_PAUSE_SECONDS = 1.0
MOST_PAUSE_SECONDS = 20.0

_TEMPERATURE = 0.2
_MAX_OUTPUT_TOKENS = 1024  # three times the longest accepted answer
_JPEG_QUALITY = 85

# The model declined to describe the photo. After other reasons, another request may succeed.
_REFUSALS = frozenset(
    {
        types.FinishReason.SAFETY,
        types.FinishReason.RECITATION,
        types.FinishReason.LANGUAGE,
        types.FinishReason.BLOCKLIST,
        types.FinishReason.PROHIBITED_CONTENT,
        types.FinishReason.SPII,
        types.FinishReason.IMAGE_SAFETY,
        types.FinishReason.IMAGE_PROHIBITED_CONTENT,
        types.FinishReason.IMAGE_RECITATION,
    }
)
_RETRYABLE_CODES = frozenset({408, 429, 499})  # and everything from 500 on

BLOCKED = "Gemini declined to describe this photo ({reason}). You can write a caption yourself."
UNPROCESSABLE = "Gemini could not process this photo. Save it in another format and upload it again."
KEY_REFUSED = "Gemini did not accept the API key. The site owner has to check the key; then try again."
NO_MODEL = "Gemini has no model named {model}. The site owner has to check GEMINI_MODEL; then try again."
NOT_ACCEPTED = "Gemini did not accept the request ({code}). The site owner has to check the account and GEMINI_MODEL."


class GeminiAnnotator:
    """Describes photos; all of them share one client."""

    def __init__(
        self,
        api_key: str,
        model: str,
        language: str,
        seconds: float = REQUEST_SECONDS,
        *,
        sleep: Callable[[float], None] = time.sleep,
        left: Callable[[], float] = seconds_left,
    ) -> None:
        """Create the client without sending anything.

        Args:
            api_key: a key of the Gemini Developer API.
            model: for example `gemini-3.5-flash-lite`.
            language: the BCP 47 tag of the captions' language.
            seconds: the total timeout of one request.
            sleep: waits between requests.
            left: returns the seconds left for all requests.
        """
        self._model = model
        self._language = language
        self._seconds = seconds
        self._sleep = sleep
        self._left = left
        # A connection cannot be reused: it belongs to a closed event loop, and breaks while the function is frozen.
        options = types.HttpOptions(
            api_version=API_VERSION, timeout=round(seconds * 1000), headers={"Connection": "close"}
        )
        self._client = genai.Client(vertexai=False, api_key=api_key, http_options=options)
        self._config = types.GenerateContentConfig(
            temperature=_TEMPERATURE,
            max_output_tokens=_MAX_OUTPUT_TOKENS,
            response_mime_type="application/json",
            response_json_schema=caption.SCHEMA,
            media_resolution=types.MediaResolution.MEDIA_RESOLUTION_MEDIUM,  # about 560 tokens, half of the default
            thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.MINIMAL),
        )

    def annotate(self, image: Image.Image) -> Annotation:
        """Describe an RGB picture, which is sent at its full size.

        A temporary failure is followed by another request, after the pause that Gemini asks for. If there is not enough
        time for both, the failure is raised at once, because waiting is charged, too.

        Raises:
            AnnotationRefusedError: Gemini does not accept the photo, the key or the model.
            ModelUnavailableError: Gemini is unavailable, or its answer is unusable.
        """
        if self._left() < LEAST_SECONDS:
            raise ModelUnavailableError("no time left to ask Gemini")
        jpeg = _jpeg(image)
        failures = unusable = 0
        while True:
            try:
                return self._annotation(asyncio.run(self._generate(jpeg)))
            except ModelUnavailableError as error:
                failures += 1
                unusable += isinstance(error, UnusableAnswerError)
                pause = error.retry_after + full_jitter(failures, FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS)
                exhausted = failures == MAX_REQUESTS or unusable == MAX_PAID_REQUESTS
                if exhausted or pause + self._seconds > min(self._left(), TOTAL_SECONDS):
                    raise
                logger.warning("%s; retrying in %.1f seconds", error, pause)
            self._sleep(pause)

    def _annotation(self, response: types.GenerateContentResponse) -> Annotation:
        description = _description(response)
        usage = response.usage_metadata or types.GenerateContentResponseUsageMetadata()
        return Annotation(
            caption=description.caption,
            alt_text=description.alt_text,
            tags=description.tags,
            language=self._language,
            model=self._model,
            prompt_version=caption.PROMPT_VERSION,
            input_tokens=usage.prompt_token_count,
            output_tokens=_sum(usage.candidates_token_count, usage.thoughts_token_count),
        )

    async def _generate(self, jpeg: bytes) -> types.GenerateContentResponse:
        photo = types.Part.from_bytes(data=jpeg, mime_type="image/jpeg")
        text = types.Part.from_text(text=caption.prompt(self._language))
        # The SDK's exceptions may quote the key or the answer, so they are not chained.
        try:
            async with asyncio.timeout(self._seconds):
                return await self._client.aio.models.generate_content(
                    model=self._model, contents=types.Content(role="user", parts=[photo, text]), config=self._config
                )
        except errors.APIError as error:
            raise self._failure(error) from None
        except TimeoutError:
            raise UnusableAnswerError(f"Gemini took longer than {self._seconds} seconds") from None
        except Exception as error:  # noqa: BLE001 - a network error, or an answer that is not the API's
            raise UnusableAnswerError(f"the request to Gemini failed: {type(error).__name__}") from None

    def _failure(self, error: errors.APIError) -> Exception:
        """Return the exception for an HTTP error. https://ai.google.dev/gemini-api/docs/troubleshooting"""
        code = error.code
        if code >= 500 or code in _RETRYABLE_CODES:
            header = error.response.headers.get("Retry-After")
            return ModelUnavailableError(
                f"Gemini answered {code}", requested_delay(error.details, header, datetime.now(UTC))
            )
        if code in (401, 403) or "API_KEY_INVALID" in str(error.details):
            return KeyRefusedError(KEY_REFUSED)
        if code == 404:
            return AnnotationRefusedError(NO_MODEL.format(model=self._model))
        if code == 400 and "image" in str(error.message):
            return AnnotationRefusedError(UNPROCESSABLE)
        return AnnotationRefusedError(NOT_ACCEPTED.format(code=code))


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


def _description(response: types.GenerateContentResponse) -> caption.Description:
    feedback = response.prompt_feedback
    if feedback and feedback.block_reason:
        raise AnnotationRefusedError(BLOCKED.format(reason=feedback.block_reason.value))
    if not response.candidates:
        raise UnusableAnswerError("Gemini's answer has no candidate")
    candidate = response.candidates[0]
    finish = candidate.finish_reason
    if finish in _REFUSALS:
        raise AnnotationRefusedError(BLOCKED.format(reason=finish.value))
    parts = (candidate.content and candidate.content.parts) or []
    try:
        return caption.parse("".join(part.text or "" for part in parts if not part.thought))
    except caption.InvalidAnswerError as error:
        reason = finish.value if finish else "missing"
        raise UnusableAnswerError(f"Gemini's answer is unusable: {error} (finish reason: {reason})") from None


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
