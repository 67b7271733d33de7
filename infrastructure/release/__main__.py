"""Command line of releases, for the repository of the working directory."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from release.affected import affected_services
from release.errors import RefusedError, ReleaseError
from release.repository import Repository

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
    print(f"release: {what}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="release", description=__doc__, epilog=EXIT_CODES)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, epilog=EXIT_CODES)

    affected = command("affected", "print the services whose tests and packages a change concerns")
    affected.add_argument("--base", required=True, help="the commit before the change; all services if it is not here")
    affected.add_argument("--outputs", type=Path, help='append `services=["web"]` to this file, too ($GITHUB_OUTPUT)')
    return parser


def _affected(repository: Repository, arguments: argparse.Namespace) -> None:
    services = affected_services(repository, arguments.base)
    line = f"services={json.dumps(services)}"
    print(line)
    if arguments.outputs:
        with arguments.outputs.open("a", encoding="utf-8") as outputs:
            outputs.write(f"{line}\n")


_COMMANDS: dict[str, Callable[[Repository, argparse.Namespace], None]] = {
    "affected": _affected,
}

if __name__ == "__main__":
    sys.exit(main())
