"""The command `operate`: runs a command of the deploy tool on the gallery that `up` runs."""

from __future__ import annotations

import click

from deploy.__main__ import main as deploy
from deploy.commands.context import Context
from local_cloud.cloud import FOLDERS, find_running
from local_cloud.session import EmulatorSession

COMMANDS = ("status", "redrive", "annotate", "retry")
"""The others would change stacks, which `up` deploys."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", type=click.Choice(COMMANDS))
@click.argument("environment", type=click.Choice(["local"]))
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def operate(command: str, environment: str, options: tuple[str, ...]) -> None:
    """Run a command of `deploy` on the running gallery."""
    running = find_running(FOLDERS.values())
    context = Context(EmulatorSession(running.endpoint_url), environ=running.variables)
    deploy([command, environment, *options], prog_name="deploy", obj=context)
