"""Configuration of the annotate function."""

import re
from dataclasses import dataclass, field

from catalog.database import DatabaseSettings
from catalog.settings import ConfigurationError

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, kw_only=True)
class AnnotateSettings(DatabaseSettings):
    """Where photos are, and who describes them: Gemini when there is a key, else the offline tagger.

    The key is `gemini_api_key` itself, or the text of the Secrets Manager secret `gemini_secret_arn`.
    `language` is a BCP 47 tag such as `en` or `pt-BR`; the offline tagger speaks English only.
    """

    bucket_name: str
    gemini_api_key: str = field(default="", repr=False)
    gemini_secret_arn: str = ""
    gemini_model: str = "gemini-3.5-flash-lite"
    language: str = "en"

    def __post_init__(self) -> None:
        """Check what goes into the prompt and the catalogue.

        Raises:
            ConfigurationError: the language is not a tag.
        """
        if not _LANGUAGE_TAG.fullmatch(self.language):
            raise ConfigurationError(f"LANGUAGE must be a language tag like en, not {self.language!r}")
