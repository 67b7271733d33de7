"""Decides what an error response means. Errors are not billed: https://ai.google.dev/gemini-api/docs/billing

Status codes: https://ai.google.dev/gemini-api/docs/troubleshooting. Details: https://google.aip.dev/193
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from google.genai import errors

from annotate.errors import ModelUnavailableError, PausedError
from annotate.gemini.cleaning import name
from annotate.gemini.retry_after import requested_delay
from catalog.pause import Cause

_TEMPORARY_CODES = frozenset({408, 429, 499})  # and everything outside of 400 to 499
_DAILY = re.compile(r"per[ _]?day", re.IGNORECASE)
_NO_QUOTA = re.compile(r"\blimit: 0(?![\d.])")
_REJECTED_IMAGE = re.compile(r"Unable to process input image(\.|$).*|Provided image is not valid\.?", re.DOTALL)


class RejectedImageError(ModelUnavailableError):
    """The service could not process the picture, as happens now and then with good ones, too."""


def failure(error: errors.APIError, now: datetime) -> PausedError | ModelUnavailableError:
    """Return what to raise for an error response. Nothing of its message is passed on, which may quote the key.

    A problem of the key, the account or the quota, and a request that the service does not understand, concern every
    photo: annotation pauses. Anything else may succeed later.
    """
    response = _Response.of(error)
    delay = requested_delay(error.details, error.response.headers.get("Retry-After"), now)
    if not 400 <= error.code < 500:
        return ModelUnavailableError(f"Gemini answered {response.detail()}", delay)
    if cause := _cause(response):
        return PausedError(cause, response.detail(), delay)
    if error.code == 400 and _REJECTED_IMAGE.fullmatch(response.message):
        return RejectedImageError("Gemini could not process the picture", delay)
    if error.code in _TEMPORARY_CODES:
        return ModelUnavailableError(f"Gemini answered {response.detail()}", delay)
    return PausedError("service", response.detail(), delay)


@dataclass(frozen=True)
class _Response:
    code: int
    status: str | None
    message: str
    reasons: tuple[str, ...]
    quotas: tuple[str, ...]
    """The ids of the quotas that are used up, those of a day first."""

    @classmethod
    def of(cls, error: errors.APIError) -> "_Response":
        details = list(_details(error.details))
        quotas = [name(violation.get("quotaId")) for violation in _violations(details)]
        return cls(
            error.code,
            name(error.status),
            str(error.message),
            tuple(reason for detail in details if (reason := name(detail.get("reason")))),
            tuple(sorted((quota for quota in quotas if quota), key=lambda quota: not _DAILY.search(quota))),
        )

    def detail(self) -> str:
        """Return the code and the names in the response, as in `429 RESOURCE_EXHAUSTED GenerateRequestsPerDay`."""
        return " ".join(dict.fromkeys([str(self.code), *filter(None, [self.status]), *self.reasons, *self.quotas[:1]]))


def _details(body: object) -> Iterator[dict[str, object]]:
    match body:
        case {"error": {"details": [*details]}}:
            yield from (detail for detail in details if isinstance(detail, dict))


def _violations(details: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    for detail in details:
        violations = detail.get("violations")
        if isinstance(violations, list):
            yield from (violation for violation in violations if isinstance(violation, dict))


def _cause(response: _Response) -> Cause | None:
    """Return what the operator has to solve. Reasons are better than messages, but not every response has one."""
    message, reasons = response.message, response.reasons
    if "spending cap" in message:
        return "spend_cap"
    if response.code == 402 or "credits are depleted" in message or "BILLING_DISABLED" in reasons:
        return "credits"
    if "SERVICE_DISABLED" in reasons or "API has not been used in project" in message:
        return "service"
    if response.status == "FAILED_PRECONDITION":
        return "location"
    if response.code in (401, 403) or any(reason.startswith("API_KEY_") for reason in reasons):
        return "key"
    if response.code == 404:
        return "model"
    if response.code == 429 and (_DAILY.search(" ".join([message, *response.quotas])) or _NO_QUOTA.search(message)):
        return "quota"
    return None
