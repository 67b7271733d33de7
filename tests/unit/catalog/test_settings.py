"""Configuration from environment variables."""

from dataclasses import dataclass

import pytest

from catalog.settings import ConfigurationError, Settings


@dataclass(frozen=True, kw_only=True)
class Example(Settings):
    bucket_name: str
    port: int
    language: str = "en"


def test_each_field_is_read_from_its_variable() -> None:
    settings = Example.from_environ({"BUCKET_NAME": "photos", "PORT": "3306", "LANGUAGE": "de", "OTHER": "x"})
    assert settings == Example(bucket_name="photos", port=3306, language="de")


def test_an_empty_variable_counts_as_missing() -> None:
    assert Example.from_environ({"BUCKET_NAME": "photos", "PORT": "1", "LANGUAGE": ""}).language == "en"


def test_every_missing_variable_is_named() -> None:
    with pytest.raises(ConfigurationError, match="BUCKET_NAME, PORT"):
        Example.from_environ({"BUCKET_NAME": ""})


def test_an_invalid_number_is_reported_with_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="PORT must be a whole number, not 'many'"):
        Example.from_environ({"BUCKET_NAME": "photos", "PORT": "many"})
