"""Command line of releases, for the repository of the working directory."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import get_args

from release.affected import affected_services
from release.bump import bump
from release.check import check
from release.errors import RefusedError, ReleaseError
from release.promote import promote
from release.repository import Repository
from release.tag import tag_versions
from release.version import Part

FAILED, REFUSED = 1, 3
EXIT_CODES = "exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the check"


def main() -> int:
    """Run one command and return its exit status."""
    arguments = _parser().parse_args()
    try:
        _COMMANDS[arguments.command](Repository(Path.cwd()), arguments)
    except RefusedError as error:
        return _complain(error, REFUSED)
    except (ReleaseError, OSError) as error:
        return _complain(error, FAILED)
    return 0


def _complain(what: object, code: int) -> int:
    for line in str(what).splitlines():
        print(f"release: {line}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="release", description=__doc__, epilog=EXIT_CODES)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, epilog=EXIT_CODES)

    release = command("bump", "give a service its next version, write its changelog, and pin it in staging")
    release.add_argument("service", metavar="SERVICE", help="a folder of services/")
    release.add_argument("--bump", choices=get_args(Part), help="what moves (default: as the commits say)")
    command("check", "check that every changed service has a new version, and that environments pin what goes together")
    command("tag", "tag the versions at HEAD that have no tag, and push the tags")
    promotion = command("promote", "pin in one environment what another one pins")
    promotion.add_argument(
        "service", metavar="SERVICE", nargs="?", help="a folder of services/ (default: every service)"
    )
    promotion.add_argument(
        "--from", dest="source", metavar="FROM", required=True, help="the environment to take versions from"
    )
    promotion.add_argument("--to", dest="target", metavar="TO", required=True, help="the environment to change")
    affected = command("affected", "print the services whose tests and packages a change concerns")
    affected.add_argument("--base", required=True, help="the commit before the change; all services if it is not here")
    affected.add_argument("--outputs", type=Path, help='append `services=["web"]` to this file, too ($GITHUB_OUTPUT)')
    return parser


def _bump(repository: Repository, arguments: argparse.Namespace) -> None:
    release = bump(repository, arguments.service, arguments.bump, datetime.now().astimezone().date())
    print(f"{release.service}: {release.base or 'no version'} -> {release.version}")
    print(f"Read {release.files[1]}, make it better, and commit:")
    print(f"  git add {' '.join(release.files)}")
    print(f'  git commit -m "Release {release.service} {release.version}"')


def _check(repository: Repository, arguments: argparse.Namespace) -> None:
    report = check(repository)
    for note in report.notes:
        print(note)
    if report.findings:
        raise RefusedError("\n".join(finding.text for finding in report.findings))
    print("Every version and pin is in order.")


def _tag(repository: Repository, arguments: argparse.Namespace) -> None:
    for tagged in tag_versions(repository):
        done = [word for word, is_so in (("tagged", tagged.made), ("pushed", tagged.pushed)) if is_so]
        print(f"{tagged.tag}: {', '.join(done) or 'there already'}")


def _promote(repository: Repository, arguments: argparse.Namespace) -> None:
    promotions = promote(repository, arguments.service, arguments.source, arguments.target)
    for promotion in promotions:
        print(f"{promotion.service}: {promotion.before} -> {promotion.after} in {arguments.target}")
    if not promotions:
        print(f"Nothing changes: {arguments.target} pins that already.")


def _affected(repository: Repository, arguments: argparse.Namespace) -> None:
    services = affected_services(repository, arguments.base)
    line = f"services={json.dumps(services)}"
    print(line)
    if arguments.outputs:
        with arguments.outputs.open("a", encoding="utf-8") as outputs:
            outputs.write(f"{line}\n")


_COMMANDS: dict[str, Callable[[Repository, argparse.Namespace], None]] = {
    "bump": _bump,
    "check": _check,
    "tag": _tag,
    "promote": _promote,
    "affected": _affected,
}

if __name__ == "__main__":
    sys.exit(main())
