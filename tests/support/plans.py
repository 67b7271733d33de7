"""Plans for tests of what people read about them."""

from typing import Any

from deploy.change_set import Change, Replacement
from deploy.plan import Plan, PlannedStack


def plan(*stacks: PlannedStack, environment: str = "staging", **fields: Any) -> Plan:
    """Return a plan."""
    return Plan(environment, "eu-central-1", fields.pop("artifacts", {}), stacks, **fields)


def update(name: str, *changes: Change, refused: tuple[str, ...] = ()) -> PlannedStack:
    """Return a stack that would be updated."""
    return PlannedStack(name, "update", "", changes, "arn", refused=refused)


def unchanged(name: str) -> PlannedStack:
    """Return a stack that would not change."""
    return PlannedStack(name, "unchanged", "")


def modify(logical_id: str, kind: str, replacement: Replacement, *properties: str) -> Change:
    """Return a change of properties, which are the causes of a replacement."""
    return Change("Modify", logical_id, kind, replacement, properties, properties if replacement != "no" else ())
