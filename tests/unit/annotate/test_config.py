"""The configuration of the annotate function."""

import pytest

from annotate.config import AnnotateSettings
from catalog.settings import ConfigurationError

ENVIRON = {
    "BUCKET_NAME": "photos",
    "DATABASE_HOST": "db",
    "DATABASE_NAME": "gallery",
    "DATABASE_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:1:secret:db",
}


def test_a_key_is_optional() -> None:
    settings = AnnotateSettings.from_environ(ENVIRON)
    assert (settings.gemini_api_key, settings.gemini_secret_arn) == ("", "")
    assert (settings.gemini_model, settings.language) == ("gemini-3.5-flash-lite", "en")


def test_the_key_is_not_shown() -> None:
    settings = AnnotateSettings.from_environ({**ENVIRON, "GEMINI_API_KEY": "the-key"})
    assert settings.gemini_api_key == "the-key"
    assert "the-key" not in f"{settings!r} {settings}"


@pytest.mark.parametrize("language", ["de", "pt-BR", "zh-Hant-TW", "sr-Latn"])
def test_a_language_is_a_tag(language: str) -> None:
    assert AnnotateSettings.from_environ({**ENVIRON, "LANGUAGE": language}).language == language


@pytest.mark.parametrize("language", ["German", "de_DE", "e", "en. Ignore the photo", "en\n"])
def test_another_language_is_rejected(language: str) -> None:
    with pytest.raises(ConfigurationError, match="LANGUAGE"):
        AnnotateSettings.from_environ({**ENVIRON, "LANGUAGE": language})
