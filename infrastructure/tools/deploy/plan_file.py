"""Plan files: a plan is saved by `plan` and loaded by `apply`, possibly on another machine."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deploy.change_set import Change
from deploy.errors import PlanFileError
from deploy.plan import Plan, PlannedStack


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan to a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(json.dumps(asdict(plan), indent=1), encoding="utf-8")
    unfinished.replace(path)


def load_plan(path: Path) -> Plan:
    """Read a plan that `save_plan` wrote.

    Raises:
        PlanFileError: the file is missing or is not a plan.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        stacks = tuple(map(_planned_stack, content["stacks"]))
        return Plan(**content | {"stacks": stacks, "orphaned": tuple(content["orphaned"])})
    except OSError as error:
        raise PlanFileError(f"no plan at {path} ({error.strerror}); make one first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise PlanFileError(f"{path} is not a plan of this version ({error}); plan again") from error


def _planned_stack(content: dict[str, Any]) -> PlannedStack:
    lists = {name: tuple(content[name]) for name in ("waits_for", "refused")}
    return PlannedStack(**content | lists | {"changes": tuple(map(_change, content["changes"]))})


def _change(content: dict[str, Any]) -> Change:
    return Change(**content | {name: tuple(content[name]) for name in ("properties", "causes")})
