"""Configuration of the annotate function."""

import re
from dataclasses import dataclass, field

from catalog.database import DatabaseSettings
from catalog.settings import ConfigurationError

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, kw_only=True)
class AnnotateSettings(DatabaseSettings):
    """The bucket of the photos, and how they are described: by Gemini if there is a key, else by the offline tagger.

    The key is `gemini_api_key`, or else the text of the Secrets Manager secret `gemini_secret_arn`.
    `language` is a BCP 47 tag such as `en` or `pt-BR`; the offline tagger only writes English.
    """

    bucket_name: str
    gemini_api_key: str = field(default="", repr=False)
    gemini_secret_arn: str = ""
    gemini_model: str = "gemini-3.5-flash-lite"
    language: str = "en"

    def __post_init__(self) -> None:
        """Validate the language, which becomes part of the prompt.

        Raises:
            ConfigurationError: the language is not a BCP 47 tag.
        """
        if not _LANGUAGE_TAG.fullmatch(self.language):
            raise ConfigurationError(f"LANGUAGE must be a language tag like en, not {self.language!r}")
