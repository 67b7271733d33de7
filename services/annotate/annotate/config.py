"""Configuration of the annotate function."""

import re
from dataclasses import dataclass, field
from decimal import Decimal

from catalog.database import DatabaseSettings
from catalog.ledger import Limits
from catalog.settings import ConfigurationError

MAX_CONTEXT_CHARACTERS = 2000
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, kw_only=True)
class AnnotateSettings(DatabaseSettings):
    """The bucket of the photos, and how they are described: by Gemini if there is a key, else by the offline tagger.

    The key is `gemini_api_key`, or else the text of the Secrets Manager secret `gemini_secret_arn`.
    `language` is a BCP 47 tag such as `en` or `pt-BR`; the offline tagger only writes English. `prompt_context` tells
    Gemini what the gallery is about, which words to prefer, and the style. A limit of zero does not exist.
    """

    bucket_name: str
    gemini_api_key: str = field(default="", repr=False)
    gemini_secret_arn: str = ""
    gemini_model: str = "gemini-3.5-flash-lite"
    language: str = "en"
    prompt_context: str = ""
    monthly_budget_usd: Decimal = Decimal(0)
    daily_request_limit: int = 0

    @property
    def uses_model(self) -> bool:
        """Whether a key is configured, so that annotations may cost money and pause."""
        return bool(self.gemini_api_key or self.gemini_secret_arn)

    @property
    def limits(self) -> Limits:
        """What the operator allows to spend."""
        return Limits(self.monthly_budget_usd, self.daily_request_limit)

    def __post_init__(self) -> None:
        """Validate what becomes part of the prompt.

        Raises:
            ConfigurationError: the language is not a BCP 47 tag, or the context is too long.
        """
        if not _LANGUAGE_TAG.fullmatch(self.language):
            raise ConfigurationError(f"LANGUAGE must be a language tag like en, not {self.language!r}")
        if len(self.prompt_context) > MAX_CONTEXT_CHARACTERS:
            raise ConfigurationError(f"PROMPT_CONTEXT may have at most {MAX_CONTEXT_CHARACTERS} characters")
