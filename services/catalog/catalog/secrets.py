"""Secrets Manager: the only code that reads secrets."""

import boto3
from botocore.config import Config

_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


def read_secret(arn: str) -> str:
    """Return the text of a secret.

    Raises:
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: the secret cannot be read.
    """
    return boto3.client("secretsmanager", config=_CONFIG).get_secret_value(SecretId=arn)["SecretString"]
