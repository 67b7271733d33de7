"""The open issue about a topic."""

from reporting.github import GitHub
from reporting.issue import report_issue
from support.github_server import GitHubServer


def report(github: GitHub, *sections: str) -> str:
    return report_issue(github, "Changed by hand", "drift", sections).partition(":")[0]


def test_an_issue_is_opened_with_a_new_label(server: GitHubServer, github: GitHub) -> None:
    assert report(github, "staging drifted", "production drifted") == "opened"
    (issue,) = server.issues.values()
    assert issue["title"] == "Changed by hand"
    assert issue["body"] == "<!-- image-annotation: issue about drift -->\n\nstaging drifted\n\nproduction drifted"
    assert issue["labels"] == [{"name": "drift"}]


def test_an_issue_is_updated(server: GitHubServer, github: GitHub) -> None:
    server.labels.add("drift")
    assert [report(github, text) for text in ("old", "new", "new")] == ["opened", "updated", "unchanged"]
    (issue,) = server.issues.values()
    assert issue["body"].endswith("new")


def test_an_issue_is_closed_with_a_comment(server: GitHubServer, github: GitHub) -> None:
    report(github, "drifted")
    assert report(github) == "closed"
    (issue,) = server.issues.values()
    assert issue["state"] == "closed"
    assert server.bodies(issue["number"]) == ["There is nothing left to report."]


def test_a_recurrence_opens_a_new_issue(server: GitHubServer, github: GitHub) -> None:
    assert [report(github, "drifted"), report(github), report(github, "again")] == ["opened", "closed", "opened"]
    assert [issue["state"] for issue in server.issues.values()] == ["closed", "open"]


def test_no_issue_is_opened_without_sections(server: GitHubServer, github: GitHub) -> None:
    assert report(github) == "nothing to report"
    assert server.issues == {}


def test_issues_of_others_are_not_edited(server: GitHubServer, github: GitHub) -> None:
    server.open_issue("Let us talk about drift", "Words", "drift", user="somebody")
    server.open_issue("By another workflow", "Words", "drift")
    server.open_pull_request("drift")
    before = [dict(issue) for issue in server.issues.values()]
    assert [report(github), report(github, "drifted")] == ["nothing to report", "opened"]
    assert list(server.issues.values())[:3] == before
