"""`deploy render`."""

from pathlib import Path

import click

from deploy.commands.context import Context, answer, environment_command
from deploy.render import render


@environment_command
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to write (default: .local/rendered/ENVIRONMENT)."
)
def render_command(context: Context, environment: str, folder: Path | None, as_json: bool) -> None:
    """Write the nested root template of the whole environment."""
    target = folder or context.repository / ".local" / "rendered" / environment
    root = str(render(context.load(environment), target))
    answer(as_json, {"root": root}, root)
