"""The cloud that fails, one for all tests of faults, and the table of what they measured."""

from __future__ import annotations

from collections.abc import Iterator

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


@pytest.fixture
def world(cloud_of_faults: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give the cloud to a test, without faults, and keep the figures."""
    cloud_of_faults.begin(request.node.name.removeprefix("test_"))
    yield cloud_of_faults
    cloud_of_faults.clear()
    if cloud_of_faults.figures.photos:
        request.config.stash.setdefault(_MEASURED, []).append(cloud_of_faults.figures)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the table."""
    measured = config.stash.get(_MEASURED, [])
    if measured:
        terminalreporter.section("faults")
        for line in table(measured):
            terminalreporter.write_line(line)
