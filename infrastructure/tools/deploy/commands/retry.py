"""`deploy retry`."""

from deploy.commands.context import Context, environment_command
from deploy.commands.enqueue import enqueue, where_option, yes_option
from deploy.enqueue import Request


@environment_command
@where_option
@yes_option
def retry_command(context: Context, environment: str, where: str, yes: bool, as_json: bool) -> None:
    """Retry failed photos. Without --yes it only counts them, or asks."""
    enqueue(context, environment, Request("retry", where), yes=yes, as_json=as_json)
