"""The open issue about a topic such as drift: opened, updated, and closed when there is nothing left to report.

https://docs.github.com/en/rest/issues/issues
"""

from collections.abc import Sequence
from urllib.parse import quote

from reporting.body import body, is_ours
from reporting.github import GitHub

RESOLVED = "There is nothing left to report."


def report_issue(github: GitHub, title: str, label: str, sections: Sequence[str]) -> str:
    """Update the open issue with a label, and return what was done.

    Args:
        github: the repository.
        title: the title of a new issue.
        label: the topic; it is created if the repository lacks it.
        sections: the content; without sections, the issue is closed.

    Raises:
        ReportingError: GitHub rejects a request.
    """
    marker = f"image-annotation: issue about {label}"
    found = github.list("issues", state="open", labels=label, sort="created", direction="asc")
    issues = [issue for issue in found if "pull_request" not in issue and is_ours(marker, issue)]
    if not sections:
        for issue in issues:
            github.create(f"issues/{issue['number']}/comments", {"body": RESOLVED})
            github.edit(f"issues/{issue['number']}", {"state": "closed", "state_reason": "completed"})
        return "\n".join(f"closed: {issue['html_url']}" for issue in issues) or "nothing to report"
    text = body(marker, *sections)
    if not issues:
        # GitHub drops unknown labels, and the issue could then not be found again.
        if not github.exists(f"labels/{quote(label, safe='')}"):
            github.create("labels", {"name": label})
        created = github.create("issues", {"title": title, "body": text, "labels": [label]})
        return f"opened: {created['html_url']}"
    return github.update(f"issues/{issues[0]['number']}", issues[0], text)
