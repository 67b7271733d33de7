"""Tell people on GitHub what files say: `python -m reporting comment --pull-request 12 staging.md production.md`.

Of a job, GITHUB_REPOSITORY, GITHUB_API_URL and GITHUB_TOKEN must be in the environment. A file that is missing is told
on GitHub, too, and is exit code 1.
"""

import argparse
import os
import sys
from pathlib import Path

from reporting.body import read_sections
from reporting.comment import write_comment
from reporting.errors import ReportingError
from reporting.github import GitHub, Settings
from reporting.issue import report_issue


def main() -> int:
    """Run one command and return its exit status."""
    arguments = _parser().parse_args()
    try:
        settings = Settings.from_environ(os.environ)
        sections, missing = read_sections(arguments.files)
        github = GitHub(settings)
        if arguments.command == "comment":
            done = write_comment(github, arguments.pull_request, sections, settings.run_url)
        else:
            done = report_issue(github, arguments.title, arguments.label, sections)
    except ReportingError as error:
        return _complain(str(error))
    print(done)
    if missing:
        return _complain(f"missing: {', '.join(map(str, missing))}; the jobs that write them say why in their logs")
    return 0


def _complain(sentence: str) -> int:
    print(f"reporting: {sentence}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="reporting", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    comment = commands.add_parser("comment", help="make or update the comment of the pipeline on a pull request")
    comment.add_argument("--pull-request", type=int, required=True, metavar="NUMBER")
    issue = commands.add_parser("issue", help="open or update an issue; close it when all files are empty")
    issue.add_argument("--title", required=True)
    issue.add_argument("--label", required=True, help="what it is about, in a word")
    for command in (comment, issue):
        command.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a section in Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
