"""A plan in a file: kept from `plan` to `apply`, perhaps on another machine."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deploy.change_set import Change
from deploy.errors import PlanFileError
from deploy.plan import Plan, PlannedStack


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan to a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(json.dumps(asdict(plan), indent=1), encoding="utf-8")
    unfinished.replace(path)


def load_plan(path: Path) -> Plan:
    """Read what `save_plan` wrote.

    Raises:
        PlanFileError: there is no such file, or it holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        stacks = tuple(map(_planned_stack, content["stacks"]))
        return Plan(**content | {"stacks": stacks, "left_over": tuple(content["left_over"])})
    except OSError as error:
        raise PlanFileError(f"{path}: there is no plan ({error.strerror}); make one first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise PlanFileError(f"{path} is not a plan of this release ({error}); make it again") from error


def _planned_stack(content: dict[str, Any]) -> PlannedStack:
    lists = {name: tuple(content[name]) for name in ("waits_for", "refused")}
    return PlannedStack(**content | lists | {"changes": tuple(map(_change, content["changes"]))})


def _change(content: dict[str, Any]) -> Change:
    return Change(**content | {name: tuple(content[name]) for name in ("properties", "causes")})
