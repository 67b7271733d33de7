"""Asks the Gemini API for a description. Importing this takes half a second: google.genai builds many model classes.

The protocol: https://ai.google.dev/api/generate-content. `GOOGLE_GEMINI_BASE_URL` overrides the host.
"""

import asyncio
import io
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2
from google import genai
from google.genai import errors, types
from PIL import Image

from annotate.annotator import Account, Facts
from annotate.errors import AnnotationRefusedError, ModelUnavailableError, PausedError
from annotate.gemini import answers, prompt
from annotate.gemini.caption import Description, InvalidAnswerError
from annotate.gemini.failures import RejectedImageError, failure
from catalog.backoff import full_jitter
from catalog.deadline import seconds_left
from catalog.images import Annotation
from catalog.ledger import Answer

logger = logging.getLogger(__name__)

API_VERSION = "v1beta"
REQUEST_SECONDS = 30.0
MAX_REQUESTS = 3
LEAST_SECONDS = 3.0
"""No request starts with less time than this: it would be interrupted, and its answer charged and lost."""
TOTAL_SECONDS = 110.0
"""The limit for a request and the pause before it, even without a deadline."""
FIRST_PAUSE_SECONDS = 1.0
MOST_PAUSE_SECONDS = 20.0

ANSWER_TOKENS = 1024
"""Three times the longest accepted answer."""
THINKING_TOKENS = 3072
"""For models that always think."""
PICTURE_TOKENS = 1120
"""The most for a picture of Gemini 3, if the model ignores the medium resolution, which takes 560.

https://ai.google.dev/gemini-api/docs/media-resolution
"""
_FRAME_TOKENS = 100  # between the parts of a request
_JPEG_QUALITY = 85

UNPROCESSABLE = "Gemini could not process this photo. You can write a caption yourself."


class GeminiAnnotator:
    """Describes photos; all of them share one client."""

    def __init__(
        self,
        api_key: str,
        model: str,
        language: str,
        context: str = "",
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
            context: what the operator says about the gallery, its vocabulary and its style.
            seconds: the total timeout of one request.
            sleep: waits between requests.
            left: returns the seconds left for all requests.
        """
        self._model = model
        self._language = language
        self._seconds = seconds
        self._sleep = sleep
        self._left = left
        self._instructions = prompt.instructions(language, context)
        self._prompt_version = prompt.version(context)
        # A connection cannot be reused: it belongs to a closed event loop, and breaks while the function is frozen.
        # Without this client, the SDK takes aiohttp if it is installed, and then repeats dropped requests by itself.
        options = types.HttpOptions(
            api_version=API_VERSION,
            timeout=round(seconds * 1000),
            headers={"Connection": "close"},
            httpx_async_client=httpx2.AsyncClient(),
        )
        self._client = genai.Client(vertexai=False, api_key=api_key, http_options=options)
        # Only Flash-Lite knows the lowest level. Sampling parameters are ignored and deprecated.
        # https://ai.google.dev/gemini-api/docs/thinking, https://ai.google.dev/gemini-api/docs/latest-model
        thinks = "flash-lite" not in model
        self._most_output_tokens = ANSWER_TOKENS + (THINKING_TOKENS if thinks else 0)
        self._config = types.GenerateContentConfig(
            system_instruction=self._instructions,
            max_output_tokens=self._most_output_tokens,
            response_mime_type="application/json",
            response_json_schema=prompt.SCHEMA,
            media_resolution=types.MediaResolution.MEDIA_RESOLUTION_MEDIUM,
            thinking_config=types.ThinkingConfig(
                thinking_level=types.ThinkingLevel.LOW if thinks else types.ThinkingLevel.MINIMAL
            ),
        )

    def annotate(self, image: Image.Image, facts: Facts, account: Account, /) -> Annotation:
        """Describe an RGB picture, which is sent at its full size.

        Each request is opened in the account before it is sent. It is cancelled if Gemini refused it without billing,
        and settled if it was perhaps billed. A request that the alarm interrupts stays open.

        A temporary failure or an unusable answer is followed by another request, after the pause that Gemini asks for,
        as long as the account permits it. If there is not enough time for both, the failure is raised at once, because
        waiting is charged, too.

        Raises:
            AnnotationRefusedError: Gemini does not accept the photo, or too many answers were unusable.
            PausedError: the key, the account or a quota does not permit requests.
            ModelUnavailableError: Gemini is unavailable, or its answer is unusable.
        """
        data = prompt.data(facts)
        photo = types.Part.from_bytes(data=_jpeg(image), mime_type="image/jpeg")
        contents = types.Content(role="user", parts=[photo, types.Part.from_text(text=data)])
        failures: list[ModelUnavailableError] = []
        while True:
            request_id = account.open(
                self._model, self._prompt_version, self._most_input_tokens(data), self._most_output_tokens
            )
            try:
                return self._read(self._exchange(contents), request_id, account)
            except ModelUnavailableError as error:
                failures.append(error)
                if sum(isinstance(failed, RejectedImageError) for failed in failures) > 1:
                    raise AnnotationRefusedError(UNPROCESSABLE) from None
                pause = error.retry_after + full_jitter(len(failures), FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS)
                if len(failures) == MAX_REQUESTS or pause + self._seconds > min(self._left(), TOTAL_SECONDS):
                    raise
                logger.warning("%s; retrying in %.1f seconds", error, pause)
            self._sleep(pause)

    def _most_input_tokens(self, data: str) -> int:
        """Return the most input tokens of a request; a token has at least one byte of text."""
        texts = self._instructions + json.dumps(prompt.SCHEMA) + data
        return len(texts.encode()) + PICTURE_TOKENS + _FRAME_TOKENS

    def _exchange(self, contents: types.Content) -> "types.GenerateContentResponse | _Failed":
        if self._left() < LEAST_SECONDS:
            return _Failed(ModelUnavailableError("no time left to ask Gemini"))
        # The SDK's exceptions may quote the key or the answer. They end here, so no traceback shows them.
        try:
            return asyncio.run(self._generate(contents))
        except errors.APIError as error:
            return _Failed(failure(error, datetime.now(UTC)))
        except httpx2.ConnectError:
            return _Failed(ModelUnavailableError("no connection to Gemini"))
        except TimeoutError:
            problem = f"Gemini took longer than {self._seconds} seconds"
            return _Failed(ModelUnavailableError(problem), Answer(outcome="unanswered"))
        except httpx2.TransportError as error:
            problem = f"the request to Gemini failed: {type(error).__name__}"
            return _Failed(ModelUnavailableError(problem), Answer(outcome="unanswered"))
        except Exception as error:  # noqa: BLE001 - the SDK raises almost anything for a body that is not the API's
            problem = f"Gemini's answer cannot be read: {type(error).__name__}"
            return _Failed(
                ModelUnavailableError(problem), Answer(outcome="unusable", finish_reason=answers.INVALID_BODY)
            )

    async def _generate(self, contents: types.Content) -> types.GenerateContentResponse:
        async with asyncio.timeout(self._seconds):
            return await self._client.aio.models.generate_content(
                model=self._model, contents=contents, config=self._config
            )

    def _read(
        self, response: "types.GenerateContentResponse | _Failed", request_id: str, account: Account
    ) -> Annotation:
        if isinstance(response, _Failed):
            if response.answer:
                account.settle(request_id, response.answer)
            else:
                account.cancel(request_id)
            raise response.error
        try:
            description = answers.description(response)
        except InvalidAnswerError as error:
            answer = answers.answer(response, "unusable")
            account.settle(request_id, answer)
            problem = f"Gemini's answer is unusable: {error} (finish reason: {answer.finish_reason})"
            raise ModelUnavailableError(problem) from None
        except (AnnotationRefusedError, PausedError):
            account.settle(request_id, answers.answer(response, "refused"))
            raise
        answer = answers.answer(response, "used")
        account.settle(request_id, answer)
        return self._annotation(description, answer)

    def _annotation(self, description: Description, answer: Answer) -> Annotation:
        return Annotation(
            caption=description.caption,
            alt_text=description.alt_text,
            tags=description.tags,
            language=self._language,
            model=answer.model_version or self._model,
            prompt_version=self._prompt_version,
            input_tokens=answer.input_tokens,
            output_tokens=_sum(answer.output_tokens, answer.thinking_tokens),
        )


@dataclass(frozen=True)
class _Failed:
    """A request without an API's answer: the error to raise, and what to settle if the request was perhaps billed."""

    error: Exception
    answer: Answer | None = None


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
