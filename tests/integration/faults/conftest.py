"""The cloud that fails, one for all tests of faults, and the table of what they measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from integration.faults.failing import failing_cloud
from integration.faults.figures import Figures, table
from integration.faults.world import World

_MEASURED = pytest.StashKey[list[Figures]]()


@pytest.fixture(scope="session")
def cloud_of_faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run the cloud that fails; tests take `world`."""
    with failing_cloud(tmp_path_factory.mktemp("faults")) as world:
        yield world


@pytest.fixture(scope="session")
def cloud_that_is_killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run a cloud for tests that kill processes."""
    with failing_cloud(tmp_path_factory.mktemp("killed"), key_in_environment=True) as world:
        yield world


@pytest.fixture
def world(cloud_of_faults: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give the cloud to a test, without faults, and keep the figures."""
    cloud_of_faults.begin(request.node.name.removeprefix("test_"))
    yield cloud_of_faults
    cloud_of_faults.clear()
    figures = cloud_of_faults.figures
    if figures.photos:
        request.config.stash.setdefault(_MEASURED, []).append(figures)
        request.node.user_properties += asdict(figures).items()  # of the test, in a JUnit report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the table."""
    measured = config.stash.get(_MEASURED, [])
    if measured:
        terminalreporter.section("faults")
        for line in table(measured):
            terminalreporter.write_line(line)
