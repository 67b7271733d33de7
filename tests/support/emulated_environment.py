"""The environments of this repository on an emulated account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest

from catalog.database import Database, DatabaseSettings
from deploy.change_set import execute, make_change_set
from deploy.environment import INFRASTRUCTURE, Environment, load_environment
from deploy.plan import Outputs
from local_cloud.emulator import Emulator, aws_environ

ACCOUNT = "000000000000"
BOOTSTRAP = {"Owner": "octocat", "OwnerId": "1", "Repository": "gallery", "RepositoryId": "2"}


def environment_of(name: str) -> Environment:
    """Load an environment of this repository that runs the working tree, packaged for this machine."""
    return replace(load_environment(name, {"AWS_ACCOUNT_ID": ACCOUNT}), platform="host", versions=None)


def with_parameters(environment: Environment, stack: str, **values: str) -> Environment:
    """Return the environment with other values for parameters of a stack, including wired ones."""
    stacks = tuple(
        replace(
            candidate,
            parameters={**candidate.parameters, **values},
            wired={name: output for name, output in candidate.wired.items() if name not in values},
        )
        if candidate.name == stack
        else candidate
        for candidate in environment.stacks
    )
    return replace(environment, stacks=stacks)


@contextmanager
def prepared_account(emulator: Emulator) -> Iterator[None]:
    """Point boto3 to the emulator, and prepare its account for deployments."""
    with aws_environ(emulator.endpoint_url):
        _bootstrap(environment_of("staging"))
        yield


def _bootstrap(environment: Environment) -> None:
    """Deploy the bootstrap stack, as a person does once."""
    cloudformation = boto3.client("cloudformation", region_name=environment.region)
    body = (INFRASTRUCTURE / "bootstrap.yaml").read_text()
    change_set = make_change_set(cloudformation, environment.existing["bootstrap"], body, BOOTSTRAP, create=True)
    assert change_set is not None
    execute(cloudformation, change_set.stack, change_set.arn)


@contextmanager
def open_catalog(region: str, outputs: Outputs) -> Iterator[Database]:
    """Open the catalog of an environment as its services do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", region)
        database = Database(
            DatabaseSettings(
                database_host=outputs["database"]["Host"],
                database_port=int(outputs["database"]["Port"]),
                database_name=outputs["database"]["Name"],
                database_secret_arn=outputs["catalog"]["ApplicationSecretArn"],
            )
        )
        try:
            yield database
        finally:
            database.close()


def resources(region: str, stack: str) -> list[Any]:
    """Return all resources of a stack."""
    pages = boto3.client("cloudformation", region_name=region).get_paginator("list_stack_resources")
    return [found for page in pages.paginate(StackName=stack) for found in page["StackResourceSummaries"]]
