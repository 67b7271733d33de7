"""The one open issue about something, such as drift: opened, kept up to date, closed when there is nothing any more.

https://docs.github.com/en/rest/issues/issues
"""

from collections.abc import Sequence
from urllib.parse import quote

from reporting.body import body, is_ours
from reporting.github import GitHub

GONE = "There is nothing to report any more."


def report_issue(github: GitHub, title: str, label: str, sections: Sequence[str]) -> str:
    """Bring the open issue with a label in line with the sections, and return what was done.

    Args:
        github: the repository.
        title: of an issue that is opened.
        label: what it is about; it is made when the repository lacks it.
        sections: what to say; none closes the issue.

    Raises:
        ReportingError: GitHub refuses.
    """
    marker = f"image-annotation: issue about {label}"
    found = github.list("issues", state="open", labels=label, sort="created", direction="asc")
    issues = [issue for issue in found if "pull_request" not in issue and is_ours(marker, issue)]
    if not sections:
        for issue in issues:
            github.create(f"issues/{issue['number']}/comments", {"body": GONE})
            github.edit(f"issues/{issue['number']}", {"state": "closed", "state_reason": "completed"})
        return "\n".join(f"closed: {issue['html_url']}" for issue in issues) or "nothing to report"
    text = body(marker, *sections)
    if not issues:
        # GitHub drops a label that it does not know, and the issue could not be found again by it.
        if not github.exists(f"labels/{quote(label, safe='')}"):
            github.create("labels", {"name": label})
        created = github.create("issues", {"title": title, "body": text, "labels": [label]})
        return f"opened: {created['html_url']}"
    issue = issues[0]
    if issue["body"] == text:
        return f"unchanged: {issue['html_url']}"
    github.edit(f"issues/{issue['number']}", {"body": text})
    return f"updated: {issue['html_url']}"
