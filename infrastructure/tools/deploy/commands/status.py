"""`deploy status`."""

from deploy.commands.context import Context, answer, environment_command
from deploy.show import status_text
from deploy.status import read_status


@environment_command
def status_command(context: Context, environment: str, as_json: bool) -> None:
    """Show the stacks, their state and their versions."""
    statuses = read_status(context.session, context.load(environment))
    answer(as_json, statuses, status_text(statuses))
