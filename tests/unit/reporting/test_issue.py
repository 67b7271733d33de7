"""The one open issue about something."""

from __future__ import annotations

from reporting.github import GitHub
from reporting.issue import report_issue
from support.github_server import GitHubServer


def report(github: GitHub, *sections: str) -> str:
    return report_issue(github, "Changed by hand", "drift", sections).partition(":")[0]


def test_an_issue_is_opened_with_its_label(server: GitHubServer, github: GitHub) -> None:
    assert report(github, "staging drifted", "production drifted") == "opened"
    (issue,) = server.issues.values()
    assert issue["title"] == "Changed by hand"
    assert issue["body"] == "<!-- image-annotation: issue about drift -->\n\nstaging drifted\n\nproduction drifted"
    assert issue["labels"] == [{"name": "drift"}], "the repository did not know it"


def test_an_issue_is_kept_up_to_date(server: GitHubServer, github: GitHub) -> None:
    server.labels.add("drift")
    assert [report(github, text) for text in ("old", "new", "new")] == ["opened", "updated", "unchanged"]
    (issue,) = server.issues.values()
    assert issue["body"].endswith("new")


def test_an_issue_is_closed_with_a_word_when_there_is_nothing_any_more(server: GitHubServer, github: GitHub) -> None:
    report(github, "drifted")
    assert report(github) == "closed"
    (issue,) = server.issues.values()
    assert issue["state"] == "closed"
    assert server.bodies(issue["number"]) == ["There is nothing to report any more."]


def test_what_comes_back_is_another_issue(server: GitHubServer, github: GitHub) -> None:
    assert [report(github, "drifted"), report(github), report(github, "again")] == ["opened", "closed", "opened"]
    assert [issue["state"] for issue in server.issues.values()] == ["closed", "open"]


def test_nothing_is_opened_for_nothing(server: GitHubServer, github: GitHub) -> None:
    assert report(github) == "nothing to report"
    assert server.issues == {}


def test_issues_of_others_are_never_changed(server: GitHubServer, github: GitHub) -> None:
    server.open_issue("Let us talk about drift", "Words", "drift", user="somebody")
    server.open_issue("By another workflow", "Words", "drift")
    server.open_pull_request("drift")
    before = [dict(issue) for issue in server.issues.values()]
    assert [report(github), report(github, "drifted")] == ["nothing to report", "opened"]
    assert list(server.issues.values())[:3] == before
