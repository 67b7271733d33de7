"""Plans, states and events as text for people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from deploy.change_set import Change
from deploy.drift import Drift
from deploy.enqueue import Queued, Request
from deploy.gate import replacement
from deploy.plan import Plan, PlannedStack
from deploy.redrive import Redriven
from deploy.stack import Event
from deploy.status import StackStatus

_MARKS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<"}
_CREATIONS = ("create", "create later")
_LOSSES = ("DELETED", "REPLACED", "POSSIBLY REPLACED")

_STATELESS = ("AWS::Lambda::Version", "AWS::AutoScaling::ScalingPolicy", "Custom::Schema")
"""Types that each release replaces. They hold no data, and old versions of functions are retained."""


def plan_text(plan: Plan) -> str:
    """Return a line for each stack, and for each change of an existing stack."""
    width = max((len(stack.name) for stack in plan.stacks), default=0)
    lines = [f"{plan.environment}, {plan.region}", ""]
    for stack in plan.stacks:
        lines.append(f"  {stack.name:<{width}}  {_summary(stack)}")
        if stack.kind not in _CREATIONS:
            lines += [f"    {_change(change)}" for change in stack.changes]
    lines += ["", total_text(plan)]
    if plan.orphaned:
        lines += ["", "Orphaned stacks, which are no longer in the desired state; delete them by hand:"]
        lines += [f"  {name}" for name in plan.orphaned]
    if plan.refused:
        lines += ["", "REFUSED unless the environment file lists it under overrides, with a reason:"]
        lines += [f"  {sentence}" for sentence in plan.refused]
    return "\n".join(lines)


def total_text(plan: Plan) -> str:
    """Return a summary in one line."""
    if not plan.changes_anything:
        return "No changes."
    kinds = [stack.kind for stack in plan.stacks]
    counts = {
        "to create": kinds.count("create") + kinds.count("create later"),
        "to update": kinds.count("update"),
        "to plan again afterwards": kinds.count("plan again"),
    }
    first, *others = [(count, kind) for kind, count in counts.items() if count]
    parts = [f"{_count(first[0], 'stack')} {first[1]}", *(f"{count} {kind}" for count, kind in others)]
    lost = Counter(loss for _, _, loss in losses(plan))
    return ", ".join(parts + [f"{_count(lost[loss], 'resource')} {loss}" for loss in _LOSSES if lost[loss]])


def losses(plan: Plan) -> Iterator[tuple[PlannedStack, Change, str]]:
    """Yield each change that deletes or replaces a resource, with its stack and one of `_LOSSES`."""
    for stack in plan.stacks:
        for change in stack.changes:
            if loss := _loss(change):
                yield stack, change, loss


def status_text(statuses: Sequence[StackStatus]) -> str:
    """Return a table of the stacks."""
    rows = [(s.stack, s.status, s.updated_at, s.package, s.url, s.reason) for s in statuses]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def drift_text(drifts: Iterable[Drift]) -> str:
    """Return a line for each drifted resource and for each difference."""
    lines = []
    for drift in drifts:
        if drift.status == "INCOMPLETE":
            lines.append(f"{drift.stack}: could not be checked completely: {', '.join(drift.differences)}")
            continue
        lines.append(f"{drift.stack}.{drift.logical_id} ({drift.resource_type}) was {drift.status.lower()}")
        lines += [f"  {difference}" for difference in drift.differences]
    return "\n".join(lines) or "No drift."


def redriven_text(results: Iterable[Redriven]) -> str:
    """Return a line for each function."""
    return "\n".join(
        f"{result.stack}: {result.sent} sent again"
        + (f", {result.unreadable} without an event kept in the queue" if result.unreadable else "")
        for result in results
    )


def queued_text(request: Request, queued: Queued) -> str:
    """Return the number of photos and about what they cost; less than a cent counts as a cent."""
    purpose = {"annotate": "another annotation", "retry": "a retry"}[request.task]
    cost = ""
    if queued.images and queued.usd is not None:
        cost = f", about ${max(queued.usd, Decimal('0.01')):.2f} by a paid model"
    return f"{_count(queued.images, 'photo')} {'queued ' if queued.applied else ''}for {purpose}{cost}."


def event_text(event: Event) -> str:
    """Return one line."""
    reason = f": {event.reason}" if event.reason else ""
    return f"    {event.status:<36}  {event.logical_id} ({event.resource_type}){reason}"


def _summary(stack: PlannedStack) -> str:
    others = dict.fromkeys(output.partition(".")[0] for output in stack.waits_for)
    after = f", after {', '.join(others)}" if others else ""
    if stack.kind == "create later" and not stack.waits_for:
        after = ", after deleting the stack whose creation failed"
    if stack.kind == "update" and not stack.changes:
        return "update, outputs only"
    if stack.kind in _CREATIONS:
        most = "up to " if stack.kind == "create later" else ""  # conditions may exclude some
        return f"create, {most}{_count(len(stack.changes), 'resource')}{after}"
    if stack.kind == "plan again":
        return f"needs another plan{after}"
    return stack.kind


def _loss(change: Change) -> str:
    if change.action == "Remove":
        return "DELETED"
    if change.resource_type in _STATELESS:
        return ""
    return {"yes": "REPLACED", "perhaps": "POSSIBLY REPLACED", "no": ""}[replacement(change)]


def _change(change: Change) -> str:
    mark = _MARKS.get(change.action, "?")
    text = f"{change.logical_id} ({change.resource_type})"
    if change.properties:
        text += f": {', '.join(change.properties)}"
    if replacement(change) == "no":
        return f"{mark} {text}"
    loss = _loss(change)
    return f"! {text}  {loss}" if loss else f"{mark} {text}  recreated"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
