"""Runs the flow tests on each emulator, or on a deployed environment; each test id says where.

ministack, localstack     started here; --emulator chooses one
endpoint                  AWS_ENDPOINT_URL names a running emulator
staging, …                ENV names a deployed environment of this repository

The last two skip tests that run a cloud of their own, such as the fault tests. Dead letters are discarded.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.faults.figures import Figures, table
from local_cloud.cloud import LocalCloud
from support.announcements import Announcements
from support.clouds import EMULATORS, ENVIRONMENT, Cloud, Clouds, names, reaches_this_machine, session
from support.gemini_server import GeminiServer
from support.running_cloud import ELSEWHERE

LOCAL = "local_cloud"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option that chooses one emulator."""
    parser.addoption("--emulator", choices=EMULATORS, help="run the flow tests on one emulator instead of both")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", f"{LOCAL}: changes the deployment, or needs processes on this machine")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses `cloud` on each cloud."""
    if "cloud" in metafunc.fixturenames:
        metafunc.parametrize("cloud", names(metafunc.config.getoption("emulator")), indirect=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Group tests by cloud, because a cloud is slow to start; within a group, those with Gemini come last.

    Tests that run a cloud of their own come first.
    """
    order = ("", *names(config.getoption("emulator")))
    places = [place for place, item in enumerate(items) if _is_here(item)]
    sorted_items = sorted(
        (items[place] for place in places), key=lambda item: (order.index(_cloud_of(item)), _wants_gemini(item))
    )
    for place, item in zip(places, sorted_items, strict=True):
        items[place] = item


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop the shared cloud before a test that runs its own: memory is limited."""
    if _cloud_of(item):
        return
    if ENVIRONMENT or ELSEWHERE:
        pytest.skip("runs a cloud of its own")
    clouds = item.config.stash.get(Clouds.KEY, None)
    if clouds:
        clouds.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the measurements of the fault tests. The main process of xdist does not load faults/conftest.py."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    properties = [dict(report.user_properties) for report in reports if getattr(report, "when", "") == "teardown"]
    if measured := [Figures(**found) for found in properties if "fault" in found]:
        terminalreporter.section("faults")
        for line in table(measured):
            terminalreporter.write_line(line)


if ENVIRONMENT or ELSEWHERE:

    @pytest.fixture(scope="session", autouse=True)
    def _loopback_only() -> None:
        """Allow these tests to connect to other machines."""


@pytest.fixture
def cloud(request: pytest.FixtureRequest, clouds: Clouds) -> Cloud:
    """Return the cloud with the name in the parameter."""
    name, gemini = request.param, _wants_gemini(request.node)
    if gemini and not reaches_this_machine(name):
        pytest.skip("functions cannot reach the tests' Gemini server")
    if name == ENVIRONMENT and request.node.get_closest_marker(LOCAL):
        pytest.skip("changes the deployment")
    return clouds.use(name, gemini=gemini)


@pytest.fixture
def local_cloud(cloud: Cloud) -> LocalCloud:
    """Return a cloud whose emulator is a child process; the test needs the marker."""
    assert isinstance(cloud, LocalCloud)
    if "emulator" not in cloud.processes:
        pytest.skip("needs the emulator's process")
    return cloud


@pytest.fixture
def gemini(cloud: Cloud, clouds: Clouds) -> GeminiServer:
    """Use Gemini instead of the offline tagger."""
    assert clouds.gemini
    return clouds.gemini


@pytest.fixture
def aws(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a session for the cloud."""
    if cloud.endpoint_url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint_url)
    return session(cloud)


@pytest.fixture
def announcements(cloud: Cloud, aws: Any) -> Iterator[Announcements]:
    """Subscribe to the topic."""
    with Announcements(aws, cloud.outputs["images"]["TopicArn"]) as announcements:
        yield announcements


def _is_here(item: pytest.Item) -> bool:
    return Path(__file__).parent in item.path.parents


def _cloud_of(item: pytest.Item) -> str:
    """Return the name of the shared cloud that a test uses, or an empty string."""
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get("cloud", "")) if callspec else ""


def _wants_gemini(item: pytest.Item) -> bool:
    return "gemini" in getattr(item, "fixturenames", ())
