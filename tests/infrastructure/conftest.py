"""An AWS for infrastructure: one emulator for all of these tests, and small projects that are deployed to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from local_cloud.emulator import Emulator, aws_environ
from support.deploy_project import Project
from support.running_cloud import running_emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run an emulator that holds no stacks yet, with a real server behind each database instance."""
    with running_emulator(tmp_path_factory.mktemp("infrastructure"), os.environ) as emulator:
        yield emulator


@pytest.fixture
def account(emulator: Emulator) -> Iterator[None]:
    """Point boto3 in this process, and in those that it starts, to the emulator."""
    with aws_environ(emulator.endpoint_url):
        yield


@pytest.fixture
def project(account: None, tmp_path: Path) -> Project:
    """Start a project with no files."""
    return Project(tmp_path, f"test-{uuid4().hex[:8]}")
