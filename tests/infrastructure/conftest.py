"""An AWS account for infrastructure tests: one emulator for all of them, and small projects deployed to it."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from local_cloud.emulator import Emulator
from local_cloud.session import EmulatorSession
from support.deploy_project import Project
from support.running_cloud import running_emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run an emulator without stacks, with a real server behind each database instance."""
    with running_emulator(tmp_path_factory.mktemp("infrastructure"), os.environ) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def session(emulator: Emulator) -> EmulatorSession:
    """A session in the account on the emulator."""
    return EmulatorSession(emulator.endpoint_url)


@pytest.fixture
def project(session: EmulatorSession, tmp_path: Path) -> Project:
    """A project without files."""
    return Project(tmp_path, f"test-{uuid4().hex[:8]}", session)
