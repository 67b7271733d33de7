"""The cloud that tests use: one at a time, started when the first test needs it, or an environment that was deployed.

ENV=staging names an environment, in the account of the credentials and of AWS_ENDPOINT_URL, if that is given.
GALLERY_URL is the address of its gallery, if that is not the load balancer's.
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

from deploy.apply import environment_outputs
from deploy.environment import load_environment
from local_cloud.cloud import DatabaseName, EmulatorName, LocalCloud
from local_cloud.emulator import REGION, aws_environ
from servers.database import external
from support.gemini_server import GeminiServer
from support.releases import release
from support.running_cloud import ELSEWHERE, running_cloud

EMULATORS: tuple[EmulatorName, ...] = ("localstack", "ministack")
ENVIRONMENT = os.environ.get("ENV", "")
"""The deployed environment that tests use; usually none."""
ENDPOINT = "endpoint"
"""The emulator of AWS_ENDPOINT_URL, as tests name it."""
GEMINI_KEY = "a-key-of-nobody"


class Cloud(Protocol):
    """What tests know of a cloud."""

    @property
    def gallery_url(self) -> str:
        """Where the gallery is."""

    @property
    def endpoint_url(self) -> str | None:
        """Where AWS is; None for AWS itself."""

    @property
    def outputs(self) -> Mapping[str, Mapping[str, str]]:
        """The outputs of each stack by its name."""


class DeployedEnvironment:
    """An environment of this repository that was deployed before."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        """Read the outputs of its stacks."""
        account = boto3.client("sts", region_name=REGION).get_caller_identity()["Account"]
        environment = load_environment(name, {**environ, "AWS_ACCOUNT_ID": account})
        self.region = environment.region
        self.endpoint_url = environ.get("AWS_ENDPOINT_URL")
        self.outputs = environment_outputs(environment)
        self.gallery_url = environ.get("GALLERY_URL") or self.outputs["web"]["Url"]


def names(chosen: EmulatorName | None) -> tuple[str, ...]:
    """Return where tests of the flow run: the environment, the endpoint, or the emulators of this machine."""
    if ENVIRONMENT:
        return (ENVIRONMENT,)
    if ELSEWHERE:
        return (ENDPOINT,)
    return (chosen,) if chosen else EMULATORS


def reaches_this_machine(name: str) -> bool:
    """Tell whether the functions of a cloud reach this machine, such as a Gemini of the tests: they run on it."""
    if name == ENVIRONMENT:
        return False
    database = external(ELSEWHERE)
    return database is None or database.is_loopback


def session(cloud: Cloud) -> Any:
    """Return what makes clients: localstack-client's session, which heeds AWS_ENDPOINT_URL; boto3's for AWS itself."""
    region = getattr(cloud, "region", REGION)
    return Session(region_name=region) if cloud.endpoint_url else boto3.Session(region_name=region)


class Clouds:
    """Holds the one cloud that runs."""

    KEY: ClassVar[pytest.StashKey[Clouds]] = pytest.StashKey()
    """Where pytest's configuration keeps it."""

    def __init__(self, new_folder: Callable[[str], Path], database: DatabaseName) -> None:
        """Start nothing yet."""
        self._new_folder = new_folder
        self._database = database
        self._running = ExitStack()
        self._name = ""
        self._cloud: Cloud | None = None
        self.gemini: GeminiServer | None = None
        """The Gemini that the annotate function asks, if it does not use the offline tagger."""

    def use(self, name: str, *, gemini: bool = False) -> Cloud:
        """Return the cloud with a name, with Gemini or the offline tagger; another that runs is stopped first."""
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
        """Stop the cloud that runs, if any does."""
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
        assert cloud.endpoint_url, "only functions of this machine reach a Gemini on it"
        with aws_environ(cloud.endpoint_url):
            release(boto3.client("lambda", region_name=REGION), cloud.outputs["annotate"]["FunctionName"], variables)
