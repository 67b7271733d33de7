"""The roles of the bootstrap stack allow what CloudFormation does on their behalf, which no emulator checks.

The resource type schemas in cfn-lint list the calls of CloudFormation's handlers. They lack the rights that a called
service requires of its caller in turn; handler_rights.yaml has these, from bug reports.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

import fnmatch
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from deploy.environment import INFRASTRUCTURE
from deploy.template import Template
from support.bootstrap_rights import missing

TEMPLATES = [Template(path) for path in sorted((INFRASTRUCTURE / "templates").glob("*.yaml"))]
TYPES = sorted({kind for template in TEMPLATES for kind in template.resources.values()})
PARAMETER_TYPES = {parameter["Type"] for template in TEMPLATES for parameter in template.parameters.values()}
HANDLERS = ("create", "read", "update", "delete")
"""The handlers that stacks use."""

EXCEPTIONS = yaml.safe_load(Path(__file__).with_name("handler_rights.yaml").read_text(encoding="utf-8"))
NOT_CALLED: dict[str, dict[str, str]] = EXCEPTIONS["not_called"]


@dataclass(frozen=True)
class Dependent:
    """Actions that are needed in addition to the documented calls of a handler or a command."""

    role: str
    needed_by: str
    """A type of resources or parameters, or a call of the deploy command."""
    actions: list[str]
    source: str

    def __str__(self) -> str:
        return f"{self.needed_by} {' '.join(self.actions)}"


DEPENDENT = [Dependent(**found) for found in EXCEPTIONS["dependent"]]


@cache
def schema(kind: str) -> Any:
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema


def called(kind: str) -> set[str]:
    """Return the actions that the handlers of a type can call."""
    handlers = schema(kind)["handlers"]
    return {action for name in HANDLERS if name in handlers for action in handlers[name]["permissions"]}


def matching(pattern: str, actions: set[str]) -> set[str]:
    return {action for action in actions if fnmatch.fnmatchcase(action, pattern)}


def properties(kind: str) -> set[str]:
    """Return the properties that templates set on resources of a type."""
    return {
        name
        for template in TEMPLATES
        for logical_id, found in template.resources.items()
        if found == kind
        for name in template.document["Resources"][logical_id].get("Properties", {})
    }


@pytest.mark.parametrize("kind", [kind for kind in TYPES if not kind.startswith("Custom::")])
def test_cloudformation_may_make_the_calls_of_a_types_handlers(kind: str) -> None:
    actions = called(kind)
    for pattern in NOT_CALLED.get(kind, {}):
        actions -= matching(pattern, actions)
    assert missing("ExecutionRole", actions) == set()


@pytest.mark.parametrize("kind", NOT_CALLED)
def test_calls_are_excluded_only_for_properties_that_no_template_sets(kind: str) -> None:
    assert kind in TYPES
    for pattern, reason in NOT_CALLED[kind].items():
        assert missing("ExecutionRole", matching(pattern, called(kind))), f"{pattern} excludes nothing"
        if " " not in reason:
            assert reason in schema(kind)["properties"], f"{kind} has no property {reason}"
            assert reason not in properties(kind), f"{reason} is set, so {pattern} is called"


@pytest.mark.parametrize("dependent", DEPENDENT, ids=str)
def test_a_role_allows_dependent_actions(dependent: Dependent) -> None:
    assert missing(dependent.role, dependent.actions) == set(), dependent.source


@pytest.mark.parametrize("dependent", DEPENDENT, ids=str)
def test_dependent_actions_are_still_needed(dependent: Dependent) -> None:
    if dependent.needed_by.startswith("cloudformation:"):
        assert missing(dependent.role, [dependent.needed_by]) == set()
    else:
        assert dependent.needed_by in {*TYPES, *PARAMETER_TYPES}
