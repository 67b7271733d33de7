"""`deploy plan`."""

import sys
from contextlib import suppress
from pathlib import Path

import click

from deploy.change_set import LABEL
from deploy.commands.context import (
    Context,
    answer,
    environment_command,
    failure_as_markdown,
    label_option,
    markdown_option,
    plan_option,
    write_markdown,
)
from deploy.environment_lock import environment_lock
from deploy.errors import GateError, PlanFileError
from deploy.markdown import plan_section
from deploy.plan import discard_change_sets, discard_label, make_plan
from deploy.plan_file import load_plan, save_plan
from deploy.show import plan_text


@environment_command
@plan_option
@label_option()
@click.option(
    "--outputs",
    type=click.Path(path_type=Path),
    help="Append changes=true|false and refused=true|false to this file ($GITHUB_OUTPUT).",
)
@markdown_option
def plan_command(
    context: Context,
    environment: str,
    plan_file: Path | None,
    label: str | None,
    outputs: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Create change sets and show what they would change. Those of the previous plan are deleted."""
    path = plan_file or context.plans / f"{environment}.json"
    with failure_as_markdown(markdown, environment, "plan"):
        desired = context.load(environment)
        with environment_lock(environment, context.plans):
            with suppress(PlanFileError):  # the previous plan is missing or unreadable
                discard_change_sets(context.session, desired, load_plan(path).stacks)
            if label is not None:
                discard_label(context.session, desired, label)
            plan = make_plan(context.session, desired, label or LABEL)
            save_plan(plan, path)
    answer(as_json, plan, plan_text(plan))
    write_markdown(markdown, plan_section(plan))
    if outputs is not None:
        with outputs.open("a", encoding="utf-8") as file:
            for name, value in (("changes", plan.changes_anything), ("refused", bool(plan.refused))):
                file.write(f"{name}={str(value).lower()}\n")
    if plan.refused:
        sys.exit(GateError.exit_code)
