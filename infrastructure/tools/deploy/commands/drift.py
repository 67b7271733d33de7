"""`deploy drift`."""

import sys
from pathlib import Path

from deploy.commands.context import (
    DRIFTED,
    Context,
    answer,
    environment_command,
    failure_as_markdown,
    markdown_option,
    write_markdown,
)
from deploy.drift import find_drift
from deploy.markdown import drift_section
from deploy.show import drift_text


@environment_command
@markdown_option
def drift_command(context: Context, environment: str, markdown: Path | None, as_json: bool) -> None:
    """Show what was changed outside CloudFormation."""
    with failure_as_markdown(markdown, environment, "drift"):
        drifts = find_drift(context.session, context.load(environment))
    answer(as_json, drifts, drift_text(drifts))
    write_markdown(markdown, drift_section(environment, drifts))
    if drifts:
        sys.exit(DRIFTED)
