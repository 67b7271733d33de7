"""The cloud that tests use: one at a time, started for the first test that needs it, or a deployed environment.

ENV=staging selects a deployed environment, in the account of the credentials (and at AWS_ENDPOINT_URL, if set).
GALLERY_URL overrides the address of its gallery, which is the load balancer's by default.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Protocol

import boto3
import pytest
from localstack_client.session import Session

from deploy.environment import load_environment
from deploy.outputs import environment_outputs
from local_cloud.cloud import DatabaseName, EmulatorName, LocalCloud
from local_cloud.emulator import REGION
from local_cloud.session import EmulatorSession
from servers.database import external
from support.gemini_server import GeminiServer
from support.releases import release
from support.running_cloud import ELSEWHERE, running_cloud

EMULATORS: tuple[EmulatorName, ...] = ("localstack", "ministack")
ENVIRONMENT = os.environ.get("ENV", "")
"""The deployed environment that tests use; usually empty."""
ENDPOINT = "endpoint"
"""The name in tests for the emulator at AWS_ENDPOINT_URL."""
GEMINI_KEY = "AQ.a-test-key-of-a-cloud"


FUNCTIONS = {
    "catalog": ("catalog", "FunctionName"),
    "sweep": ("catalog", "SweepFunctionName"),
    "thumbnail": ("thumbnail", "FunctionName"),
    "annotate": ("annotate", "FunctionName"),
}
"""The Lambda functions: the stack and the output with the name of each."""


def function_name(outputs: Mapping[str, Mapping[str, str]], function: str) -> str:
    """Return the deployed name of a function."""
    stack, output = FUNCTIONS[function]
    return outputs[stack][output]


class Cloud(Protocol):
    """The interface of a cloud to tests."""

    @property
    def gallery_url(self) -> str:
        """The address of the gallery."""

    @property
    def endpoint_url(self) -> str | None:
        """The endpoint of the emulator; None for AWS itself."""

    @property
    def outputs(self) -> Mapping[str, Mapping[str, str]]:
        """The outputs of each stack by its name."""


class DeployedEnvironment:
    """An environment of this repository that is already deployed."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        """Read the outputs of its stacks."""
        aws = boto3.Session()
        account = aws.client("sts", region_name=REGION).get_caller_identity()["Account"]
        environment = load_environment(name, {**environ, "AWS_ACCOUNT_ID": account})
        self.region = environment.region
        self.endpoint_url = environ.get("AWS_ENDPOINT_URL")
        self.outputs = environment_outputs(aws, environment)
        self.gallery_url = environ.get("GALLERY_URL") or self.outputs["web"]["Url"]


def names(chosen: EmulatorName | None) -> tuple[str, ...]:
    """Return where the flow tests run: in the environment, at the endpoint, or on the emulators of this machine."""
    if ENVIRONMENT:
        return (ENVIRONMENT,)
    if ELSEWHERE:
        return (ENDPOINT,)
    return (chosen,) if chosen else EMULATORS


def reaches_this_machine(name: str) -> bool:
    """Return whether a cloud's functions run on this machine, and so can reach the tests' Gemini server."""
    if name == ENVIRONMENT:
        return False
    database = external(ELSEWHERE)
    return database is None or database.is_loopback


def session(cloud: Cloud) -> Any:
    """Return a session: that of localstack-client, which heeds AWS_ENDPOINT_URL, or that of boto3 for AWS itself."""
    region = getattr(cloud, "region", REGION)
    return Session(region_name=region) if cloud.endpoint_url else boto3.Session(region_name=region)


class Clouds:
    """Holds the one running cloud."""

    KEY: ClassVar[pytest.StashKey[Clouds]] = pytest.StashKey()
    """Its key in the stash of pytest's configuration."""

    def __init__(self, new_folder: Callable[[str], Path], database: DatabaseName) -> None:
        """Start nothing yet."""
        self._new_folder = new_folder
        self._database = database
        self._running = ExitStack()
        self._name = ""
        self._cloud: Cloud | None = None
        self.gemini: GeminiServer | None = None
        """The server that the annotate function calls; None if it uses the offline tagger."""

    def use(self, name: str, *, gemini: bool = False) -> Cloud:
        """Return the cloud with this name, with Gemini or the offline tagger; stop another running cloud first."""
        if self._cloud is None or self._name != name:
            self.stop()
            self._cloud, self._name = self._start(name), name
        if gemini and self.gemini is None:
            self.gemini = self._running.enter_context(GeminiServer())
            variables = {"GEMINI_API_KEY": GEMINI_KEY, "GOOGLE_GEMINI_BASE_URL": self.gemini.url}
            self._release_annotate(self._cloud, variables)
        elif self.gemini is not None and not gemini:
            self.gemini = None
            self._release_annotate(self._cloud, {"GEMINI_API_KEY": "", "GOOGLE_GEMINI_BASE_URL": ""})
        return self._cloud

    def stop(self) -> None:
        """Stop the running cloud, if any."""
        self._running.close()
        self._cloud = self.gemini = None

    def _start(self, name: str) -> Cloud:
        if name == ENVIRONMENT:
            return DeployedEnvironment(name, os.environ)
        emulator: EmulatorName = "localstack" if name == "localstack" else "ministack"
        cloud: LocalCloud = self._running.enter_context(
            running_cloud(self._new_folder(name), {}, emulator, self._database)
        )
        return cloud

    def _release_annotate(self, cloud: Cloud, variables: Mapping[str, str]) -> None:
        assert cloud.endpoint_url, "only functions on this machine can reach its Gemini server"
        functions = EmulatorSession(cloud.endpoint_url).client("lambda")
        release(functions, cloud.outputs["annotate"]["FunctionName"], variables)
