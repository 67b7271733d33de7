"""`deploy render`."""

from deploy.commands.context import Context, answer, environment_command
from deploy.render import render


@environment_command
def render_command(context: Context, environment: str, as_json: bool) -> None:
    """Write the nested root template of the whole environment to .local/rendered/ENVIRONMENT."""
    root = str(render(context.load(environment), context.repository / ".local" / "rendered" / environment))
    answer(as_json, {"root": root}, root)
