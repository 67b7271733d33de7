"""`deploy redrive`."""

from deploy.commands.context import Context, answer, environment_command
from deploy.redrive import redrive
from deploy.show import redriven_text


@environment_command
def redrive_command(context: Context, environment: str, as_json: bool) -> None:
    """Send dead letters to their functions again."""
    results = redrive(context.session, context.load(environment))
    answer(as_json, results, redriven_text(results))
