"""What all commands share: the AWS session, the folders, common options, and output for people or scripts."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from deploy.environment import INFRASTRUCTURE, Environment, load_environment
from deploy.errors import DeployError
from deploy.markdown import failure_section
from environments.environment import REPOSITORY

DRIFTED = 6
EXIT_CODES = """\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the gate, 4 plan again, 5 another process is at work,
6 drifted"""

EXPECTED_ERRORS = (DeployError, BotoCoreError, ClientError, OSError)
"""Errors for which a message is enough; any other one is a bug and keeps its traceback."""


@dataclass(frozen=True)
class Context:
    """The account and the folders that commands work with."""

    session: boto3.Session = field(default_factory=boto3.Session)
    repository: Path = REPOSITORY
    infrastructure: Path = INFRASTRUCTURE
    plans: Path = REPOSITORY / ".local" / "plans"
    """Plans and environment locks."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """The values of variables in environment files."""

    def load(self, name: str) -> Environment:
        """Read an environment; `${NAME}` in its file stands for a variable in `environ`, or AWS_ACCOUNT_ID."""
        return load_environment(name, _Variables(self.environ, self.session), self.infrastructure)


class _Variables(dict[str, str]):
    """The given variables. AWS_ACCOUNT_ID is requested from AWS when a file uses it."""

    def __init__(self, environ: Mapping[str, str], session: boto3.Session) -> None:
        super().__init__(environ)
        self._session = session

    def __missing__(self, name: str) -> str:
        if name != "AWS_ACCOUNT_ID":
            raise KeyError(name)
        region = self.get("AWS_REGION") or self.get("AWS_DEFAULT_REGION") or "us-east-1"
        account: str = self._session.client("sts", region_name=region).get_caller_identity()["Account"]
        return account


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
plan_option = click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    help="The file of the plan (default: .local/plans/ENVIRONMENT.json).",
)
markdown_option = click.option(
    "--markdown", type=click.Path(path_type=Path), help="Write the result, or the error, for GitHub to this file."
)


def environment_command(function: Callable[..., None]) -> click.Command:
    """Make a command of a function of (context, environment, as_json, …)."""
    function = click.make_pass_decorator(Context, ensure=True)(function)
    return click.command(epilog=EXIT_CODES)(click.argument("environment")(json_option(function)))


def _check_label(context: click.Context, parameter: click.Parameter, label: str | None) -> str | None:
    if label is not None and not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9-]{0,63}", label):
        raise click.BadParameter("it must start with a letter and contain only letters, digits and hyphens")
    return label


label_option = partial(click.option, "--label", callback=_check_label, help="The prefix of the names of change sets.")


def answer(as_json: bool, content: object, text: str | None = None) -> None:
    """Print a result: `content`, which may contain dataclasses, as JSON, or `text` for people, if there is any."""
    if as_json or text is not None:
        click.echo(json.dumps(content, indent=1, default=_as_json) if as_json else text)


def _as_json(value: Any) -> object:
    return str(value) if isinstance(value, Decimal) else asdict(value)


def progress(as_json: bool) -> Callable[[str], None]:
    """Return a function that prints a line of progress, to stderr if stdout is reserved for JSON."""
    return lambda line: click.echo(line, err=as_json)


@contextmanager
def failure_as_markdown(path: Path | None, environment: str, command: str) -> Iterator[None]:
    """Write an error to the Markdown file as well, which might otherwise contain an older result."""
    try:
        yield
    except EXPECTED_ERRORS as error:
        with suppress(OSError):  # must not hide the first error
            write_markdown(path, failure_section(environment, command, error))
        raise


def write_markdown(path: Path | None, text: str) -> None:
    """Write the Markdown file, if its path is given."""
    if path is not None:
        path.write_text(text, encoding="utf-8")
