"""`deploy apply`."""

from pathlib import Path

from deploy.apply import apply_plan
from deploy.commands.context import Context, answer, environment_command, plan_option, progress
from deploy.environment_lock import environment_lock
from deploy.errors import StaleError
from deploy.plan_file import load_plan
from deploy.show import event_text


@environment_command
@plan_option
def apply_command(context: Context, environment: str, plan_file: Path | None, as_json: bool) -> None:
    """Execute exactly what was planned."""
    desired = context.load(environment)
    report = progress(as_json)
    with environment_lock(environment, context.plans):
        plan = load_plan(plan_file or context.plans / f"{environment}.json")
        unplanned = apply_plan(context.session, desired, plan, report, lambda event: report(event_text(event)))
    answer(as_json, {"plan_again": unplanned})
    if unplanned:
        raise StaleError(f"the plan is applied; {', '.join(unplanned)} can be planned now: plan and apply again")
