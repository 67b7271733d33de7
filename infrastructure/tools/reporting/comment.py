"""The one comment of the pipeline on a pull request.

https://docs.github.com/en/rest/issues/comments: for comments a pull request is an issue.
"""

from collections.abc import Sequence

from reporting.body import body, is_ours
from reporting.github import GitHub

MARKER = "image-annotation: the comment of the pipeline"
HEADING = "## What this would change"


def write_comment(github: GitHub, pull_request: int, sections: Sequence[str], run_url: str | None) -> str:
    """Make the comment, or change the one that is there, and return what was done.

    Args:
        github: the repository.
        pull_request: its number.
        sections: what to say.
        run_url: where the logs are.

    Raises:
        ReportingError: GitHub refuses.
    """
    logs = [f"[The run]({run_url}) has the logs."] if run_url else []
    text = body(MARKER, HEADING, *logs, *sections)
    for comment in github.list(f"issues/{pull_request}/comments"):
        if is_ours(MARKER, comment):
            if comment["body"] == text:
                return f"unchanged: {comment['html_url']}"
            github.edit(f"issues/comments/{comment['id']}", {"body": text})
            return f"updated: {comment['html_url']}"
    created = github.create(f"issues/{pull_request}/comments", {"body": text})
    return f"created: {created['html_url']}"
