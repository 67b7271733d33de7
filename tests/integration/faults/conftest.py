"""The clouds of the fault tests. Tests take `world`; those that kill processes share a cloud of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from integration.faults.failing import failing_cloud
from integration.faults.world import TIMEOUT_SECONDS, World

KILLS = "kills_processes"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", f"{KILLS}: kills processes of its cloud")


@pytest.fixture(scope="package")
def cloud_of_faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run the cloud of tests that leave its processes running."""
    with failing_cloud(tmp_path_factory.mktemp("faults")) as world:
        yield world


@pytest.fixture(scope="package")
def cloud_that_is_killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run the cloud of tests that kill its processes."""
    with failing_cloud(tmp_path_factory.mktemp("killed"), key_in_environment=True) as world:
        yield world


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Return the cloud without faults, and record the figures of the test."""
    kills = request.node.get_closest_marker(KILLS)
    world: World = request.getfixturevalue("cloud_that_is_killed" if kills else "cloud_of_faults")
    world.begin(request.node.name.removeprefix("test_"))
    yield world
    world.clear()
    if world.figures.photos:
        request.node.user_properties += asdict(world.figures).items()


@pytest.fixture
def time_of_aws(world: World) -> Iterator[None]:
    """Give annotate the timeout that it has on AWS."""
    deployed = world.client("lambda").get_function_configuration(FunctionName=world.function("annotate"), Qualifier="1")
    world.release("annotate", {}, Timeout=deployed["Timeout"])
    yield
    world.release("annotate", {}, Timeout=TIMEOUT_SECONDS)
