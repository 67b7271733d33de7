"""Command line: `python -m deploy plan staging`, `python -m deploy apply staging`, and so on."""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deploy.apply import apply_plan, delete_environment, only_one
from deploy.change_set import LABEL
from deploy.drift import find_drift
from deploy.environment import Environment, load_environment
from deploy.errors import BusyError, DeployError, GateError, PlanFileError, StaleError
from deploy.markdown import drift_section, failure_section, plan_section
from deploy.package import REPOSITORY, package
from deploy.plan import discard_change_sets, discard_label, make_plan
from deploy.plan_file import load_plan, save_plan
from deploy.publish import publish
from deploy.redrive import redrive
from deploy.render import render
from deploy.show import drift_text, event_text, plan_text, status_text
from deploy.status import read_status

PLANS = REPOSITORY / ".local" / "plans"
RENDERED = REPOSITORY / ".local" / "rendered"

FAILED, REFUSED, PLAN_AGAIN, BUSY, DRIFTED = 1, 3, 4, 5, 6
EXIT_CODES = """\
exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the gate, 4 plan again, 5 another is at work, 6 drifted"""


_EXPECTED = (DeployError, BotoCoreError, ClientError, OSError)
"""What can go wrong without being a mistake of ours: a message is enough."""


def main() -> int:
    """Run one command and return its exit status."""
    arguments = _parser().parse_args()
    try:
        return _COMMANDS[arguments.command](arguments)
    except GateError as error:
        return _complain(error, REFUSED)
    except StaleError as error:
        return _complain(error, PLAN_AGAIN)
    except BusyError as error:
        return _complain(error, BUSY)
    except _EXPECTED as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted; CloudFormation goes on by itself, and the same command does the rest", FAILED)


def _complain(what: object, code: int) -> int:
    print(f"deploy: {what}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy", description=__doc__, epilog=EXIT_CODES)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, epilog=EXIT_CODES)
        added.add_argument("--json", action="store_true", help="answer for machines")
        return added

    for name, text in (
        ("publish", "build what is pinned and not in the artifact bucket, from its tag, and store it there"),
        ("plan", "make change sets and show what they would change"),
        ("discard", "delete the change sets that were planned with a label"),
        ("apply", "execute exactly what was planned"),
        ("status", "show the stacks, their state and their versions"),
        ("drift", "show what was changed by hand"),
        ("redrive", "send dead letters to their functions again"),
        ("render", "write the nested root template of the whole environment"),
        ("delete", "delete all stacks; what holds data is kept as its template says"),
    ):
        added = command(name, text)
        added.add_argument("environment", help="a file of infrastructure/environments, without .yaml")
        if name in ("plan", "apply"):
            added.add_argument(
                "--plan", type=Path, help="the file of the plan (default: .local/plans/ENVIRONMENT.json)"
            )
        if name == "plan":
            added.add_argument(
                "--label",
                type=_label,
                help="how the names of its change sets begin; older ones of it are deleted first",
            )
            added.add_argument(
                "--outputs", type=Path, help="append changes=true|false and refused=true|false to this file"
            )
        if name in ("plan", "drift"):
            added.add_argument("--markdown", type=Path, help="write the answer, or the error, for GitHub to this file")
        if name == "discard":
            added.add_argument("--label", type=_label, required=True, help="the label of the plan")
        if name == "render":
            added.add_argument("--folder", type=Path, help="where to write (default: .local/rendered/ENVIRONMENT)")
        if name == "delete":
            added.add_argument("--confirm", required=True, metavar="ENVIRONMENT", help="its name once more")
    command("package", "build the artifact of a service for AWS").add_argument("service", help="a folder of services/")
    return parser


def _label(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9-]{0,63}", text):
        raise argparse.ArgumentTypeError("it must begin with a letter and have letters, digits and hyphens only")
    return text


def _load(arguments: argparse.Namespace) -> Environment:
    return load_environment(arguments.environment, _Variables(os.environ))


class _Variables(dict[str, str]):
    """The environment variables, and AWS_ACCOUNT_ID: the account of the credentials, asked for when it is used."""

    def __contains__(self, name: object) -> bool:
        return name == "AWS_ACCOUNT_ID" or super().__contains__(name)

    def __missing__(self, name: str) -> str:
        region = self.get("AWS_REGION") or self.get("AWS_DEFAULT_REGION") or "us-east-1"
        account: str = boto3.client("sts", region_name=region).get_caller_identity()["Account"]
        return account


def _plan_file(arguments: argparse.Namespace) -> Path:
    path: Path | None = arguments.plan
    return path or PLANS / f"{arguments.environment}.json"


def _answer(arguments: argparse.Namespace, content: Any, text: str) -> None:
    print(json.dumps(content, indent=1) if arguments.json else text)


def _progress(arguments: argparse.Namespace) -> Callable[[str], None]:
    """Return how to tell about progress: machines read the answer alone."""
    to = sys.stderr if arguments.json else sys.stdout
    return lambda line: print(line, file=to, flush=True)


@contextmanager
def _told_in_markdown(arguments: argparse.Namespace) -> Iterator[None]:
    """Write an error where the answer was wanted, too: whoever reads there would take an older one for it."""
    try:
        yield
    except _EXPECTED as error:
        with suppress(OSError):  # the first error is the one to tell
            _write_markdown(arguments, failure_section(arguments.environment, arguments.command, error))
        raise


def _write_markdown(arguments: argparse.Namespace, text: str) -> None:
    path: Path | None = arguments.markdown
    if path is not None:
        path.write_text(text, encoding="utf-8")


def _plan(arguments: argparse.Namespace) -> int:
    with _told_in_markdown(arguments):
        environment, path = _load(arguments), _plan_file(arguments)
        with only_one(environment.name, PLANS):
            with suppress(PlanFileError):  # there is none, or it cannot be read any more
                discard_change_sets(environment, load_plan(path).stacks)
            if arguments.label is not None:
                discard_label(environment, arguments.label)
            plan = make_plan(environment, arguments.label or LABEL)
            save_plan(plan, path)
    _answer(arguments, asdict(plan), plan_text(plan))
    _write_markdown(arguments, plan_section(plan))
    if arguments.outputs is not None:
        with arguments.outputs.open("a", encoding="utf-8") as outputs:
            for name, value in (("changes", plan.changes_anything), ("refused", bool(plan.refused))):
                print(f"{name}={str(value).lower()}", file=outputs)
    return REFUSED if plan.refused else 0


def _discard(arguments: argparse.Namespace) -> int:
    environment = _load(arguments)
    with only_one(environment.name, PLANS):
        discarded = discard_label(environment, arguments.label)
    _answer(arguments, discarded, "\n".join(discarded) or f"Nothing is left of {arguments.label}.")
    return 0


def _apply(arguments: argparse.Namespace) -> int:
    environment = _load(arguments)
    say = _progress(arguments)
    with only_one(environment.name, PLANS):
        plan = load_plan(_plan_file(arguments))
        unplanned = apply_plan(environment, plan, say, lambda event: say(event_text(event)))
    if arguments.json:
        print(json.dumps({"plan_again": unplanned}))
    if unplanned:
        raise StaleError(f"done so far; {', '.join(unplanned)} can be planned now: plan and apply once more")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    statuses = read_status(_load(arguments))
    _answer(arguments, [asdict(status) for status in statuses], status_text(statuses))
    return 0


def _drift(arguments: argparse.Namespace) -> int:
    with _told_in_markdown(arguments):
        drifts = find_drift(_load(arguments))
    _answer(arguments, [asdict(drift) for drift in drifts], drift_text(drifts))
    _write_markdown(arguments, drift_section(arguments.environment, drifts))
    return DRIFTED if drifts else 0


def _redrive(arguments: argparse.Namespace) -> int:
    results = redrive(_load(arguments))
    lines = [
        f"{result.stack}: {result.sent} sent again"
        + (f", {result.unreadable} hold no event and stay in the queue" if result.unreadable else "")
        for result in results
    ]
    _answer(arguments, [asdict(result) for result in results], "\n".join(lines))
    return 0


def _render(arguments: argparse.Namespace) -> int:
    root = render(_load(arguments), arguments.folder or RENDERED / arguments.environment)
    _answer(arguments, {"root": str(root)}, str(root))
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    if arguments.confirm != arguments.environment:
        return _complain(f"--confirm says {arguments.confirm!r}, not {arguments.environment}; nothing was deleted", 2)
    environment = _load(arguments)
    deleted: list[str] = []
    say = _progress(arguments)

    def report(line: str) -> None:
        deleted.append(line)
        say(line)

    with only_one(environment.name, PLANS):
        delete_environment(environment, report, lambda event: say(event_text(event)))
    if arguments.json:
        print(json.dumps(deleted))
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    environment, say = _load(arguments), _progress(arguments)
    published = publish(environment, REPOSITORY, lambda one: say(f"{one.service} {one.version}: {one.result}"))
    if arguments.json:
        print(json.dumps([asdict(one) for one in published], indent=1))
    return 0


def _package(arguments: argparse.Namespace) -> int:
    built = package(arguments.service, "aws")
    _answer(arguments, {"path": str(built.path), "key": built.key, "version": built.version}, str(built.path))
    return 0


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "publish": _publish,
    "plan": _plan,
    "discard": _discard,
    "apply": _apply,
    "status": _status,
    "drift": _drift,
    "redrive": _redrive,
    "render": _render,
    "delete": _delete,
    "package": _package,
}

if __name__ == "__main__":
    sys.exit(main())
