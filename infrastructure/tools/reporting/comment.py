"""The pipeline's comment on a pull request.

https://docs.github.com/en/rest/issues/comments: a pull request is an issue with respect to comments.
"""

from collections.abc import Sequence

from reporting.body import body, is_ours
from reporting.github import GitHub

MARKER = "image-annotation: the comment of the pipeline"
HEADING = "## Planned changes"


def write_comment(github: GitHub, pull_request: int, sections: Sequence[str], run_url: str | None) -> str:
    """Create or update the comment, and return what was done.

    Args:
        github: the repository.
        pull_request: its number.
        sections: the content.
        run_url: the address of the logs.

    Raises:
        ReportingError: GitHub rejects a request.
    """
    logs = [f"[Logs of the run]({run_url})"] if run_url else []
    text = body(MARKER, HEADING, *logs, *sections)
    for comment in github.list(f"issues/{pull_request}/comments"):
        if is_ours(MARKER, comment):
            return github.update(f"issues/comments/{comment['id']}", comment, text)
    created = github.create(f"issues/{pull_request}/comments", {"body": text})
    return f"created: {created['html_url']}"
