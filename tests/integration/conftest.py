"""The flow runs on each emulator, or on an environment that was deployed; each test's name says where.

ministack, localstack     started here; --emulator chooses one
endpoint                  AWS_ENDPOINT_URL names an emulator that runs already
staging, …                ENV names an environment of this repository that was deployed
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from announcements import Announcements
from clouds import ENDPOINT, ENVIRONMENT, Cloud, Clouds, names, session
from gemini_server import GeminiServer
from local_cloud.cloud import LocalCloud

LOCAL = "local_cloud"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", f"{LOCAL}: needs the processes of this machine, or changes what is deployed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses the cloud on each."""
    if "cloud" in metafunc.fixturenames:
        metafunc.parametrize("cloud", names(metafunc.config.getoption("emulator")), indirect=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests of each cloud together, those with Gemini last: a cloud takes long to start."""
    order = names(config.getoption("emulator"))
    places = [place for place, item in enumerate(items) if _is_here(item) and _cloud_of(item)]
    sorted_items = sorted(
        (items[place] for place in places), key=lambda item: (order.index(_cloud_of(item)), _wants_gemini(item))
    )
    for place, item in zip(places, sorted_items, strict=True):
        items[place] = item


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop the cloud before a test that runs one of its own: memory is for one."""
    clouds = item.config.stash.get(Clouds.KEY, None)
    if clouds and not _cloud_of(item):
        clouds.stop()


@pytest.fixture
def cloud(request: pytest.FixtureRequest, clouds: Clouds) -> Cloud:
    """Give the cloud with the name."""
    name, gemini = request.param, _wants_gemini(request.node)
    if name in (ENVIRONMENT, ENDPOINT) and (gemini or request.node.get_closest_marker(LOCAL)):
        pytest.skip("needs the processes of this machine")
    return clouds.use(name, gemini=gemini)


@pytest.fixture
def local_cloud(cloud: Cloud) -> LocalCloud:
    """Give the cloud whose processes run here; the test has the marker."""
    assert isinstance(cloud, LocalCloud)
    return cloud


@pytest.fixture
def gemini(cloud: Cloud, clouds: Clouds) -> GeminiServer:
    """Let Gemini describe photos, instead of the offline tagger."""
    assert clouds.gemini
    return clouds.gemini


@pytest.fixture
def aws(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make clients for the cloud, as AWS_ENDPOINT_URL says."""
    if cloud.endpoint_url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint_url)
    return session(cloud)


@pytest.fixture
def announcements(cloud: Cloud, aws: Any) -> Iterator[Announcements]:
    """Listen to the topic."""
    with Announcements(aws, cloud.outputs["images"]["TopicArn"]) as announcements:
        yield announcements


def _is_here(item: pytest.Item) -> bool:
    return Path(__file__).parent in item.path.parents


def _cloud_of(item: pytest.Item) -> str:
    """Return the name of the shared cloud that a test uses, or nothing."""
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get("cloud", "")) if callspec else ""


def _wants_gemini(item: pytest.Item) -> bool:
    return "gemini" in getattr(item, "fixturenames", ())
