"""GitHub's REST API: what is sent again, and what people are told when it does not work."""

from __future__ import annotations

import pytest

from reporting import github as rest
from reporting.errors import ReportingError
from reporting.github import ATTEMPTS, GitHub, Settings
from support.github_server import DROP, GitHubServer, Reply, refusal

AWAY = refusal(502, "Bad Gateway")


@pytest.fixture
def number(server: GitHubServer) -> int:
    """Open a pull request."""
    return server.open_pull_request()


def test_a_list_is_read_to_its_last_page(server: GitHubServer, github: GitHub, number: int) -> None:
    for comment in range(205):
        server.comment(number, str(comment))
    assert [comment["body"] for comment in github.list(f"issues/{number}/comments")] == [str(n) for n in range(205)]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_can_be_repeated_is_asked_again(server: GitHubServer, github: GitHub, number: int, status: int) -> None:
    server.reply(*[refusal(status, "later")] * (ATTEMPTS - 1))
    assert github.edit(f"issues/{number}", {"title": "new"})["title"] == "new"


def test_a_lost_answer_to_what_can_be_repeated_is_asked_for_again(
    server: GitHubServer, github: GitHub, number: int
) -> None:
    server.reply(DROP)
    assert list(github.list(f"issues/{number}/comments")) == []


def test_what_goes_on_failing_is_told(server: GitHubServer, github: GitHub, number: int) -> None:
    server.reply(*[AWAY] * ATTEMPTS)
    with pytest.raises(ReportingError, match="502 Bad Gateway"):
        list(github.list(f"issues/{number}/comments"))


def test_what_is_refused_for_now_is_created_later(server: GitHubServer, github: GitHub, number: int) -> None:
    server.reply(refusal(429, "later", ("Retry-After", "0")))
    github.create(f"issues/{number}/comments", {"body": "once"})
    assert server.bodies(number) == ["once"]


@pytest.mark.parametrize("reply", [AWAY, DROP])
def test_nothing_is_created_twice(server: GitHubServer, github: GitHub, number: int, reply: Reply) -> None:
    server.reply(reply)
    with pytest.raises(ReportingError):
        github.create(f"issues/{number}/comments", {"body": "once"})
    assert len(server.requests) == 1


def test_a_wrong_token_is_told_and_not_shown(server: GitHubServer, number: int) -> None:
    github = GitHub(Settings.from_environ(server.environ() | {"GITHUB_TOKEN": "secret-of-somebody"}))
    with pytest.raises(ReportingError, match=r"401 Bad credentials; GITHUB_TOKEN is wrong") as raised:
        list(github.list(f"issues/{number}/comments"))
    assert "secret-of-somebody" not in str(raised.value)
    assert "secret-of-somebody" not in repr(
        Settings.from_environ({**server.environ(), "GITHUB_TOKEN": "secret-of-somebody"})
    )


def test_a_missing_permission_is_named(server: GitHubServer, github: GitHub, number: int) -> None:
    server.permissions.clear()
    with pytest.raises(
        ReportingError, match=r"403 Resource not .*needs these permissions: issues=write; pull_requests"
    ):
        github.create(f"issues/{number}/comments", {"body": "x"})


def test_what_does_not_exist_is_told(github: GitHub) -> None:
    with pytest.raises(
        ReportingError, match=r"/issues/99/comments.*404 Not Found; it does not exist, or the token may"
    ):
        list(github.list("issues/99/comments"))


def test_what_github_finds_wrong_is_told(server: GitHubServer, github: GitHub, number: int) -> None:
    with pytest.raises(ReportingError, match=r"422 Validation Failed, Body is too long"):
        github.create(f"issues/{number}/comments", {"body": "x" * 65_537})


def test_the_token_is_sent_to_no_other_server(server: GitHubServer, github: GitHub, number: int) -> None:
    server.reply(Reply(200, [], (("Link", '<https://elsewhere.example/page>; rel="next"'),)))
    with pytest.raises(ReportingError, match=r"names https://elsewhere\.example/page as the next page"):
        list(github.list(f"issues/{number}/comments"))


def test_a_redirection_is_not_followed(server: GitHubServer, github: GitHub, number: int) -> None:
    server.reply(Reply(301, {"message": "Moved Permanently"}, (("Location", "https://elsewhere.example/"),)))
    with pytest.raises(ReportingError, match="301 Moved Permanently"):
        github.edit(f"issues/{number}", {})


def test_a_server_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "BACKOFF_SECONDS", 0)
    with GitHubServer() as gone:
        settings = Settings.from_environ(gone.environ())
    with pytest.raises(ReportingError, match="GitHub cannot be reached"):
        list(GitHub(settings).list("issues"))


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is missing"),
        ({"GITHUB_REPOSITORY": "photos"}, "GITHUB_REPOSITORY must be owner/name, not 'photos'"),
        ({"GITHUB_REPOSITORY": "owner/photos/../x"}, "GITHUB_REPOSITORY must be owner/name"),
    ],
)
def test_a_variable_that_is_missing_or_wrong_is_named(
    server: GitHubServer, variables: dict[str, str], words: str
) -> None:
    with pytest.raises(ReportingError, match=words):
        Settings.from_environ(server.environ() | variables)
