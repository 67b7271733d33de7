"""Command line: `deploy plan staging`, `deploy apply staging`, and so on."""

from typing import Any

import click

from deploy.commands.annotate import annotate_command
from deploy.commands.apply import apply_command
from deploy.commands.context import EXIT_CODES, EXPECTED_ERRORS
from deploy.commands.delete import delete_command
from deploy.commands.discard import discard_command
from deploy.commands.drift import drift_command
from deploy.commands.package import package_command
from deploy.commands.plan import plan_command
from deploy.commands.publish import publish_command
from deploy.commands.redrive import redrive_command
from deploy.commands.render import render_command
from deploy.commands.retry import retry_command
from deploy.commands.status import status_command


class _Group(click.Group):
    """Prints expected errors as a message and exits with their code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EXPECTED_ERRORS as error:
            click.echo(f"deploy: {error}", err=True)
            ctx.exit(getattr(error, "exit_code", 1))
        except KeyboardInterrupt:
            click.echo("deploy: interrupted; CloudFormation continues, so run the same command again", err=True)
            ctx.exit(1)


main = _Group(
    "deploy",
    help="Bring the stacks of an environment to their desired state. "
    "ENVIRONMENT is a file of infrastructure/environments, without .yaml.",
    epilog=EXIT_CODES,
    commands=[
        publish_command,
        plan_command,
        discard_command,
        apply_command,
        status_command,
        drift_command,
        redrive_command,
        annotate_command,
        retry_command,
        render_command,
        delete_command,
        package_command,
    ],
)

if __name__ == "__main__":
    main(prog_name="deploy")
