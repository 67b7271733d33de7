"""GitHub's REST API: retries and error messages."""

import pytest

from reporting import github as rest
from reporting.errors import ReportingError
from reporting.github import ATTEMPTS, GitHub, Settings
from support.github_server import DROP, GitHubServer, Reply, refusal

AWAY = refusal(502, "Bad Gateway")


def test_a_list_is_read_to_its_last_page(server: GitHubServer, github: GitHub, number: int) -> None:
    for comment in range(205):
        server.comment(number, str(comment))
    assert [comment["body"] for comment in github.list(f"issues/{number}/comments")] == [str(n) for n in range(205)]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_idempotent_requests_are_retried(server: GitHubServer, github: GitHub, number: int, status: int) -> None:
    server.reply(*[refusal(status, "later")] * (ATTEMPTS - 1))
    assert github.edit(f"issues/{number}", {"title": "new"})["title"] == "new"


def test_an_idempotent_request_is_retried_after_a_lost_response(
    server: GitHubServer, github: GitHub, number: int
) -> None:
    server.reply(DROP)
    assert list(github.list(f"issues/{number}/comments")) == []


def test_a_persistent_failure_is_reported(server: GitHubServer, github: GitHub, number: int) -> None:
    server.reply(*[AWAY] * ATTEMPTS)
    with pytest.raises(ReportingError, match="502 Bad Gateway"):
        list(github.list(f"issues/{number}/comments"))


def test_a_rate_limited_creation_is_retried(server: GitHubServer, github: GitHub, number: int) -> None:
    server.reply(refusal(429, "later", ("Retry-After", "0")))
    github.create(f"issues/{number}/comments", {"body": "once"})
    assert server.bodies(number) == ["once"]


@pytest.mark.parametrize("reply", [AWAY, DROP])
def test_a_creation_is_not_retried_after_it_may_have_succeeded(
    server: GitHubServer, github: GitHub, number: int, reply: Reply
) -> None:
    server.reply(reply)
    with pytest.raises(ReportingError):
        github.create(f"issues/{number}/comments", {"body": "once"})
    assert len(server.requests) == 1


def test_an_invalid_token_is_reported_but_not_shown(server: GitHubServer, number: int) -> None:
    github = GitHub(Settings.from_environ(server.environ() | {"GITHUB_TOKEN": "invalid-secret-token"}))
    with pytest.raises(ReportingError, match=r"401 Bad credentials; GITHUB_TOKEN is wrong") as raised:
        list(github.list(f"issues/{number}/comments"))
    assert "invalid-secret-token" not in str(raised.value)
    assert "invalid-secret-token" not in repr(
        Settings.from_environ({**server.environ(), "GITHUB_TOKEN": "invalid-secret-token"})
    )


def test_missing_permissions_are_named(server: GitHubServer, github: GitHub, number: int) -> None:
    server.permissions.clear()
    with pytest.raises(
        ReportingError, match=r"403 Resource not .*needs these permissions: issues=write; pull_requests"
    ):
        github.create(f"issues/{number}/comments", {"body": "x"})


def test_a_missing_resource_is_reported(github: GitHub) -> None:
    with pytest.raises(
        ReportingError, match=r"/issues/99/comments.*404 Not Found; it does not exist, or the token has"
    ):
        list(github.list("issues/99/comments"))


def test_validation_errors_are_reported(server: GitHubServer, github: GitHub, number: int) -> None:
    with pytest.raises(ReportingError, match=r"422 Validation Failed, Body is too long"):
        github.create(f"issues/{number}/comments", {"body": "x" * 65_537})


def test_the_token_is_not_sent_to_another_server(server: GitHubServer, github: GitHub, number: int) -> None:
    server.reply(Reply([], 200, (("Link", '<https://elsewhere.example/page>; rel="next"'),)))
    with pytest.raises(ReportingError, match=r"names https://elsewhere\.example/page as the next page"):
        list(github.list(f"issues/{number}/comments"))


def test_a_redirect_is_not_followed(server: GitHubServer, github: GitHub, number: int) -> None:
    server.reply(Reply({"message": "Moved Permanently"}, 301, (("Location", "https://elsewhere.example/"),)))
    with pytest.raises(ReportingError, match="301 Moved Permanently"):
        github.edit(f"issues/{number}", {})


def test_an_unreachable_server_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "BACKOFF_SECONDS", 0)
    with GitHubServer() as gone:
        settings = Settings.from_environ(gone.environ())
    with pytest.raises(ReportingError, match="GitHub is unreachable"):
        list(GitHub(settings).list("issues"))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is missing"),
        ({"GITHUB_REPOSITORY": "photos"}, "GITHUB_REPOSITORY must be owner/name, not 'photos'"),
        ({"GITHUB_REPOSITORY": "owner/photos/../x"}, "GITHUB_REPOSITORY must be owner/name"),
    ],
)
def test_a_missing_or_invalid_variable_is_named(server: GitHubServer, variables: dict[str, str], message: str) -> None:
    with pytest.raises(ReportingError, match=message):
        Settings.from_environ(server.environ() | variables)
