"""`deploy publish`."""

from deploy.commands.context import Context, answer, environment_command, progress
from deploy.publish import publish


@environment_command
def publish_command(context: Context, environment: str, as_json: bool) -> None:
    """Build each pinned version that is not in the artifact bucket, from its tag, and store it there."""
    report = progress(as_json)
    published = publish(
        context.session,
        context.load(environment),
        context.repository,
        lambda one: report(f"{one.service} {one.version}: {one.result}"),
    )
    answer(as_json, published)
