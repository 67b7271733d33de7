"""Fixtures for the tests of the annotate function."""

from collections.abc import Callable, Iterator

import boto3
import pytest

from annotate import handler
from catalog.database import Database
from support.annotating import BUCKET, KEY
from support.lambda_context import fresh_process


@pytest.fixture
def function(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Configure a fresh process of the function, with a key in its environment as on a laptop."""
    for name in ("GEMINI_SECRET_ARN", "GEMINI_MODEL", "LANGUAGE", "MONTHLY_BUDGET_USD", "DAILY_REQUEST_LIMIT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("BUCKET_NAME", BUCKET)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    with fresh_process(handler.describer):
        yield


@pytest.fixture
def no_key(function: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure no key."""
    monkeypatch.delenv("GEMINI_API_KEY")


@pytest.fixture
def reconfigure(function: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that changes variables, as a deployment does: the next process has them."""

    def change(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        handler.describer().close()
        handler.describer.cache_clear()

    return change


@pytest.fixture
def secret(reconfigure: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Keep the key in a secret, and return a function that replaces its text."""
    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="gemini", SecretString=KEY)["ARN"]
    monkeypatch.delenv("GEMINI_API_KEY")
    reconfigure(GEMINI_SECRET_ARN=arn)
    return lambda text: secrets.put_secret_value(SecretId=arn, SecretString=text) and None
