"""A GitHub server on the loopback."""

from collections.abc import Iterator

import pytest

from reporting import github as rest
from reporting.github import GitHub, Settings
from support.github_server import GitHubServer


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    """Run a server with one empty repository."""
    with GitHubServer() as server:
        yield server


@pytest.fixture
def github(server: GitHubServer, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    """A client without pauses between attempts."""
    monkeypatch.setattr(rest, "BACKOFF_SECONDS", 0)
    return GitHub(Settings.from_environ(server.environ()))


@pytest.fixture
def number(server: GitHubServer) -> int:
    """The number of an open pull request."""
    return server.open_pull_request()
