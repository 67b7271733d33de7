"""Report the results of the pipeline on GitHub: `reporting comment --pull-request 12 staging.md production.md`.

GITHUB_REPOSITORY, GITHUB_API_URL and GITHUB_TOKEN of the job must be in the environment. A missing file is reported on
GitHub as well, and makes the exit code 1.
"""

import os
from pathlib import Path

import click

from reporting.body import read_sections
from reporting.comment import write_comment
from reporting.errors import ReportingError
from reporting.github import GitHub, Settings
from reporting.issue import report_issue

files_argument = click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group("reporting", help=__doc__)
def main() -> None:
    """Run one command."""


@main.command("comment")
@click.option("--pull-request", type=int, required=True, metavar="NUMBER")
@files_argument
def comment_command(pull_request: int, files: tuple[Path, ...]) -> None:
    """Create or update the pipeline's comment on a pull request; each FILE is a section in Markdown."""
    settings = Settings.from_environ(os.environ)
    sections, missing = read_sections(files)
    click.echo(write_comment(GitHub(settings), pull_request, sections, settings.run_url))
    _refuse_missing(missing)


@main.command("issue")
@click.option("--title", required=True)
@click.option("--label", required=True, help="The topic of the issue, in a word.")
@files_argument
def issue_command(title: str, label: str, files: tuple[Path, ...]) -> None:
    """Open or update an issue; close it if all files are empty. Each FILE is a section in Markdown."""
    settings = Settings.from_environ(os.environ)
    sections, missing = read_sections(files)
    click.echo(report_issue(GitHub(settings), title, label, sections))
    _refuse_missing(missing)


def _refuse_missing(files: list[Path]) -> None:
    if files:
        raise ReportingError(f"missing: {', '.join(map(str, files))}; see the logs of the jobs that write them")


if __name__ == "__main__":
    main(prog_name="reporting")
