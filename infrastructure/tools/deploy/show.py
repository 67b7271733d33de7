"""Plans, states and events as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from deploy.change_set import Change
from deploy.drift import Drift
from deploy.gate import replacement
from deploy.plan import Plan, PlannedStack
from deploy.stack import Event
from deploy.status import StackStatus

_MARKS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<"}
_UNREPLACED = ("create", "create later")

_MADE_ANEW = ("AWS::Lambda::Version", "AWS::AutoScaling::ScalingPolicy", "Custom::Schema")
"""Types that a release replaces without a loss: they hold nothing, and an old version of a function is kept."""


def plan_text(plan: Plan) -> str:
    """Return what would change, a line for each stack and for each change of one that exists."""
    width = max((len(stack.name) for stack in plan.stacks), default=0)
    lines = [f"{plan.environment}, {plan.region}", ""]
    for stack in plan.stacks:
        lines.append(f"  {stack.name:<{width}}  {_summary(stack)}")
        if stack.kind not in _UNREPLACED:
            lines += [f"    {_change(change)}" for change in stack.changes]
    lines += ["", total_text(plan)]
    if plan.left_over:
        lines += ["", "Nothing wants these stacks any more, and nothing here deletes them:"]
        lines += [f"  {name}" for name in plan.left_over]
    if plan.refused:
        lines += ["", "REFUSED, until the environment file names it under overrides, with the reason:"]
        lines += [f"  {sentence}" for sentence in plan.refused]
    return "\n".join(lines)


def total_text(plan: Plan) -> str:
    """Return one line that says it all."""
    if not plan.changes_anything:
        return "Nothing to change."
    kinds = [stack.kind for stack in plan.stacks]
    counts = {
        "to create": kinds.count("create") + kinds.count("create later"),
        "to update": kinds.count("update"),
        "to plan again afterwards": kinds.count("plan again"),
    }
    first, *others = [(count, kind) for kind, count in counts.items() if count]
    parts = [f"{_count(first[0], 'stack')} {first[1]}", *(f"{count} {kind}" for count, kind in others)]
    fates = Counter(fate for _, _, fate in losses(plan))
    return ", ".join(parts + [f"{_count(fates[fate], 'resource')} {fate}" for fate in _FATES if fates[fate]])


def losses(plan: Plan) -> Iterator[tuple[PlannedStack, Change, str]]:
    """Yield each change that takes a resource away, with its stack and what becomes of the resource."""
    for stack in plan.stacks:
        for change in stack.changes:
            if fate := _fate(change):
                yield stack, change, fate


def status_text(statuses: Sequence[StackStatus]) -> str:
    """Return a table of the stacks."""
    rows = [(s.stack, s.status, s.updated_at, s.package, s.url, s.reason) for s in statuses]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def drift_text(drifts: Iterable[Drift]) -> str:
    """Return what has drifted, a line for each resource and for each difference."""
    lines = []
    for drift in drifts:
        if drift.status == "INCOMPLETE":
            lines.append(f"{drift.stack}: not everything could be checked: {', '.join(drift.differences)}")
            continue
        lines.append(f"{drift.stack}.{drift.logical_id} ({drift.resource_type}) was {drift.status.lower()}")
        lines += [f"  {difference}" for difference in drift.differences]
    return "\n".join(lines) or "Everything is as its template says."


def event_text(event: Event) -> str:
    """Return a line about a resource that is worked on."""
    reason = f": {event.reason}" if event.reason else ""
    return f"    {event.status:<36}  {event.logical_id} ({event.resource_type}){reason}"


def _summary(stack: PlannedStack) -> str:
    others = dict.fromkeys(output.partition(".")[0] for output in stack.waits_for)
    after = f", after {', '.join(others)}" if others else ""
    if stack.kind == "create later" and not stack.waits_for:
        after = ", after what a failed creation left is deleted"
    if stack.kind == "update" and not stack.changes:
        return "update, of outputs only"
    if stack.kind in _UNREPLACED:
        most = "up to " if stack.kind == "create later" else ""  # conditions may leave some out
        return f"create, {most}{_count(len(stack.changes), 'resource')}{after}"
    if stack.kind == "plan again":
        return f"needs another plan{after}"
    return stack.kind


_DELETED, _REPLACED, _PERHAPS_REPLACED = _FATES = "DELETED", "REPLACED", "PERHAPS REPLACED"


def _fate(change: Change) -> str:
    if change.action == "Remove":
        return _DELETED
    if change.resource_type in _MADE_ANEW:
        return ""
    return {"yes": _REPLACED, "perhaps": _PERHAPS_REPLACED, "no": ""}[replacement(change)]


def _change(change: Change) -> str:
    mark = _MARKS.get(change.action, "?")
    text = f"{change.logical_id} ({change.resource_type})"
    if change.properties:
        text += f": {', '.join(change.properties)}"
    if replacement(change) == "no":
        return f"{mark} {text}"
    fate = _fate(change)
    return f"! {text}  {fate}" if fate else f"{mark} {text}  made anew"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
