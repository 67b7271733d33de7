"""Settings for migrating the databases of tests."""

import json
from uuid import uuid4

import boto3

from catalog.database import Credentials
from catalog_functions.custom_resource import MigrationSettings
from servers.database import Address

APPLICATION_USER = Credentials("gallery_tests", "a-test-password")


def settings(server: Address, database: str) -> MigrationSettings:
    """Return the catalog function's settings for a database on a server, with new secrets."""
    return MigrationSettings(
        database_host=server.host,
        database_port=server.port,
        database_name=database,
        database_secret_arn=store_secret("master", Credentials(server.username, server.password)),
        application_secret_arn=store_secret("application", APPLICATION_USER),
    )


def store_secret(name: str, user: Credentials) -> str:
    """Store a user as RDS does, under a unique name, and return the secret's ARN."""
    value = json.dumps({"username": user.username, "password": user.password})
    return boto3.client("secretsmanager").create_secret(Name=f"{name}-{uuid4()}", SecretString=value)["ARN"]
