"""Command line: `python -m deploy apply ENVIRONMENT`, `python -m deploy package SERVICE`."""

import argparse
import os
import sys

from deploy.apply import ARTIFACTS, deploy
from deploy.environment import EnvironmentFileError
from deploy.package import PackageError, package
from deploy.stack import StackError


def main() -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    apply = commands.add_parser("apply", help="bring an environment to its desired state")
    apply.add_argument("environment", help="a file of infrastructure/environments, without .yaml")
    build = commands.add_parser("package", help="build the artifact of a service for AWS")
    build.add_argument("service", help="a folder of services/")
    arguments = parser.parse_args()
    try:
        if arguments.command == "apply":
            deploy(arguments.environment, os.environ, print)
        else:
            print(package(arguments.service, "lambda", ARTIFACTS).path)
    except (EnvironmentFileError, PackageError, StackError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
