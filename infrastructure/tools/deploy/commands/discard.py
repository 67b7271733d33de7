"""`deploy discard`."""

from deploy.commands.context import Context, answer, environment_command, label_option
from deploy.environment_lock import environment_lock
from deploy.plan import discard_label


@environment_command
@label_option(required=True)
def discard_command(context: Context, environment: str, label: str, as_json: bool) -> None:
    """Delete the change sets that were planned with a label."""
    desired = context.load(environment)
    with environment_lock(environment, context.plans):
        discarded = discard_label(context.session, desired, label)
    answer(as_json, discarded, "\n".join(discarded) or f"No change sets with the label {label}.")
