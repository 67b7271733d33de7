"""The cloud that fails, one for all tests of faults, and the table of what they measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.faults.aws_proxy import AwsProxy
from integration.faults.figures import Figures, table
from integration.faults.paid_gemini import PaidGemini
from integration.faults.world import World
from running_cloud import running_cloud

_MEASURED = pytest.StashKey[list[Figures]]()


@pytest.fixture(scope="session")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("faults")
    with PaidGemini() as gemini, running_cloud(data, {}) as cloud:
        proxy = AwsProxy(data, cloud.endpoint_url)
        proxy.start()
        (data / "ahead").write_text("0")
        try:
            world = World(cloud, data, gemini, proxy)
            world.prepare()
            yield world
        finally:
            proxy.stop()


@pytest.fixture
def world(_world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give the cloud to a test, without faults, and keep the figures."""
    _world.begin(request.node.name.removeprefix("test_"))
    yield _world
    _world.clear()
    if _world.figures.photos:
        request.config.stash.setdefault(_MEASURED, []).append(_world.figures)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the table."""
    measured = config.stash.get(_MEASURED, [])
    if measured:
        terminalreporter.section("faults")
        for line in table(measured):
            terminalreporter.write_line(line)
