"""Reads the Gemini API key as operators store it."""

from __future__ import annotations

import json
import re

from botocore.exceptions import ClientError

from annotate.config import AnnotateSettings
from annotate.errors import PausedError
from catalog.secrets import read_secret

_KEY = re.compile(r"[A-Za-z0-9._-]{20,200}", re.ASCII)
"""`AIza…` and, since 2026, `AQ.…`. https://ai.google.dev/gemini-api/docs/api-key"""

# The operator has to act: other errors of Secrets Manager are outages.
_UNREADABLE = frozenset(
    {"AccessDeniedException", "DecryptionFailure", "InvalidRequestException", "ResourceNotFoundException"}
)


def read_api_key(settings: AnnotateSettings) -> str | None:
    """Return the configured key; None if there is none.

    Raises:
        PausedError: the secret is blank, malformed or cannot be read; the message never quotes it.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: Secrets Manager failed; try again later.
    """
    if settings.gemini_api_key:
        return parse(settings.gemini_api_key, "GEMINI_API_KEY")
    if not settings.gemini_secret_arn:
        return None
    try:
        text = read_secret(settings.gemini_secret_arn)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _UNREADABLE:
            raise
        raise PausedError("secret", f"GEMINI_SECRET_ARN: {code}") from error
    except KeyError:
        raise PausedError("secret", "GEMINI_SECRET_ARN holds bytes instead of text") from None
    return parse(text, "the secret in GEMINI_SECRET_ARN")


def parse(text: str, where: str) -> str:
    """Return the key in a text: the plain key, perhaps in quotation marks, or JSON with one value.

    The console of Secrets Manager stores key/value pairs as a JSON object. Editors add a byte order mark and newlines.

    Raises:
        PausedError: the text holds no key; the message names the problem and `where` it is.
    """
    value: object = text.strip().lstrip("\ufeff").strip()
    try:
        value = json.loads(str(value))
    except ValueError:
        value = str(value).strip("'\"“”‘’ ")
    if isinstance(value, dict):
        if len(value) != 1:
            raise PausedError("secret", f"{where} has {len(value)} values instead of one")
        (value,) = value.values()
    if not isinstance(value, str):
        raise PausedError("secret", f"{where} is not text")
    key = value.strip().lstrip("\ufeff").strip()
    if not key:
        raise PausedError("secret", f"{where} is blank")
    if not _KEY.fullmatch(key):
        raise PausedError("secret", f"{where} is not an API key: it has other characters or another length")
    return key
