"""The environments of this repository on an emulated account."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from catalog.database import Database, DatabaseSettings
from deploy.change_set import execute, make_change_set
from deploy.environment import INFRASTRUCTURE, Environment, Stack, load_environment
from deploy.outputs import Outputs
from local_cloud.session import EmulatorSession
from support.service_environ import service_environ

ACCOUNT = "000000000000"
BOOTSTRAP = {"Owner": "octocat", "OwnerId": "1", "Repository": "gallery", "RepositoryId": "2"}


def environment_of(name: str) -> Environment:
    """Load an environment of this repository that runs the working tree, packaged for this machine."""
    return replace(load_environment(name, {"AWS_ACCOUNT_ID": ACCOUNT}), platform="host", versions=None)


def with_parameters(environment: Environment, **values: Mapping[str, str]) -> Environment:
    """Return the environment with other values for parameters, by stack; wired parameters can be replaced too."""

    def changed(stack: Stack, own: Mapping[str, str]) -> Stack:
        wired = {name: output for name, output in stack.wired.items() if name not in own}
        return replace(stack, parameters={**stack.parameters, **own}, wired=wired)

    return replace(
        environment, stacks=tuple(changed(stack, values.get(stack.name, {})) for stack in environment.stacks)
    )


def prepared_account(endpoint_url: str) -> EmulatorSession:
    """Deploy the bootstrap stack to an emulator, as a person does, and return a session in its account."""
    session, environment = EmulatorSession(endpoint_url), environment_of("staging")
    cloudformation = session.client("cloudformation", region_name=environment.region)
    body = (INFRASTRUCTURE / "bootstrap.yaml").read_text()
    deploy_stack(cloudformation, environment.existing["bootstrap"], body, BOOTSTRAP, create=True)
    return session


def deploy_stack(cloudformation: Any, name: str, body: str, parameters: Mapping[str, str], *, create: bool) -> None:
    """Create a stack, or change it."""
    change_set = make_change_set(cloudformation, name, body, parameters, create=create)
    assert change_set is not None
    execute(cloudformation, change_set.stack, change_set.arn)


@contextmanager
def open_catalog(session: EmulatorSession, region: str, outputs: Outputs) -> Iterator[Database]:
    """Open the catalog of an environment as its services do."""
    with service_environ(session.endpoint_url, region):
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


def resources(cloudformation: Any, stack: str) -> list[Any]:
    """Return all resources of a stack."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return [found for page in pages for found in page["StackResourceSummaries"]]
