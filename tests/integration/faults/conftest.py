"""The cloud that fails, one for all tests of faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from integration.faults.failing import failing_cloud
from integration.faults.world import TIMEOUT_SECONDS, World


@pytest.fixture(scope="package")
def cloud_of_faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run the cloud that fails; tests take `world`."""
    with failing_cloud(tmp_path_factory.mktemp("faults")) as world:
        yield world


@pytest.fixture(scope="package")
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
        request.node.user_properties += asdict(figures).items()


@pytest.fixture
def time_of_aws(world: World) -> Iterator[None]:
    """Let annotate have the time that it has on AWS."""
    deployed = world.client("lambda").get_function_configuration(FunctionName=world.function("annotate"), Qualifier="1")
    world.release("annotate", {}, Timeout=deployed["Timeout"])
    yield
    world.release("annotate", {}, Timeout=TIMEOUT_SECONDS)
