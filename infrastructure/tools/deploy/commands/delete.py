"""`deploy delete`."""

import click

from deploy.apply import delete_environment
from deploy.commands.context import Context, answer, environment_command, progress
from deploy.environment_lock import environment_lock
from deploy.show import event_text


@environment_command
@click.option("--confirm", required=True, metavar="ENVIRONMENT", help="The name of the environment once more.")
def delete_command(context: Context, environment: str, confirm: str, as_json: bool) -> None:
    """Delete all stacks. Resources that hold data are kept as their templates say."""
    if confirm != environment:
        raise click.BadParameter(f"{confirm!r} is not {environment!r}; nothing was deleted", param_hint="--confirm")
    desired = context.load(environment)
    report = progress(as_json)
    with environment_lock(environment, context.plans):
        deleted = delete_environment(context.session, desired, report, lambda event: report(event_text(event)))
    answer(as_json, [f"{stack}: deleted" for stack in deleted])
