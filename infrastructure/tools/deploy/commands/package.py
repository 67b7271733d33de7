"""`deploy package`."""

import click

from deploy.commands.context import EXIT_CODES, answer, json_option
from deploy.package import package


@click.command("package", epilog=EXIT_CODES)
@click.argument("service")
@json_option
def package_command(service: str, as_json: bool) -> None:
    """Build the package of a service in services/ for AWS."""
    built = package(service, "aws")
    answer(as_json, {"path": str(built.path), "key": built.key, "version": built.version}, str(built.path))
