"""`deploy annotate`."""

import click

from deploy.commands.context import Context, environment_command
from deploy.commands.enqueue import enqueue, where_option, yes_option
from deploy.enqueue import Request


@environment_command
@where_option
@click.option("--overwrite", is_flag=True, help="Also replace texts that people wrote; they cannot be restored.")
@yes_option
def annotate_command(context: Context, environment: str, where: str, overwrite: bool, yes: bool, as_json: bool) -> None:
    """Annotate photos again, within the limits of the budget. Without --yes it only counts them, or asks."""
    enqueue(context, environment, Request("annotate", where, overwrite), yes=yes, as_json=as_json)
