"""The clouds of the fault tests. Tests take `world`; those that kill processes share a cloud of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from integration.faults.aws_proxy import AwsProxy
from integration.faults.paid_gemini import PaidGemini
from integration.faults.world import KEY, TIMEOUT_SECONDS, World
from support.running_cloud import running_cloud

KILLS = "kills_processes"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", f"{KILLS}: kills processes of its cloud")


@contextmanager
def failing_cloud(data: Path, *, key_in_environment: bool = False) -> Iterator[World]:
    """Run a cloud whose parts can be made to fail.

    With the key in its environment, as on a laptop, its functions call the tests' Gemini server even after the emulator
    was restarted and has lost the secret.
    """
    with PaidGemini() as gemini:
        environ = {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": gemini.url} if key_in_environment else {}
        with running_cloud(data, environ) as cloud:
            proxy = AwsProxy(data, cloud.endpoint_url)
            proxy.start()
            (data / "ahead").write_text("0")
            try:
                world = World(cloud, data, gemini, proxy)
                world.prepare()
                yield world
            finally:
                proxy.stop()


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
