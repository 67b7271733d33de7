"""What would change in an environment: a change set for each stack, kept in a file until it is applied.

A change set needs the outputs of the stacks before it. Where these do not exist yet, the stack is planned for later:
a new one is created by the same apply, for a creation can only add; an existing one waits for another plan, for
nothing is applied that nobody has seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import boto3

from deploy.change_set import LABEL, Change, discard, labelled, make_change_set
from deploy.environment import FROM_PACKAGE, RELEASE, Environment, Stack
from deploy.errors import BusyError, StackError
from deploy.gate import refusals
from deploy.package import package_key, published_key
from deploy.stack import CurrentStack, find_stack, stack_names

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

Kind = Literal["unchanged", "create", "update", "create later", "plan again"]

Outputs = dict[str, dict[str, str]]
"""The outputs of each stack, by the name of the stack in stacks.yaml."""


@dataclass(frozen=True)
class PlannedStack:
    """What would happen to one stack. Without a change set, `changes` are read from the template."""

    name: str
    kind: Kind
    desired: str
    """Digest of the desired state that was planned."""
    changes: tuple[Change, ...] = ()
    change_set: str | None = None
    parameters: Mapping[str, str] | None = None
    waits_for: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What would happen to an environment, stack by stack in their order."""

    environment: str
    region: str
    artifacts: Mapping[str, str]
    """The keys of the packages by service."""
    stacks: tuple[PlannedStack, ...]
    left_over: tuple[str, ...] = ()
    """Stacks of this environment, as CloudFormation names them, that it does not want any more."""
    deployed: Mapping[str, str] = field(default_factory=dict)
    """The keys of the packages that run now, by service."""

    @property
    def refused(self) -> tuple[str, ...]:
        """What the gate refuses, a sentence each."""
        return tuple(sentence for stack in self.stacks for sentence in stack.refused)

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to apply."""
        return any(stack.kind != "unchanged" for stack in self.stacks)


def make_plan(environment: Environment, label: str = LABEL) -> Plan:
    """Make a change set for each stack that would change.

    Args:
        environment: the desired state.
        label: how the names of the change sets begin, so that `discard_label` finds them.

    Raises:
        BusyError: a stack is being changed right now.
        PackageError: a service cannot be packaged.
        StackError: a template or a parameter was refused, or a stack lacks an output.
    """
    cloudformation = boto3.client("cloudformation", region_name=environment.region)
    artifacts = package_keys(environment)
    outputs = fixed_outputs(cloudformation, environment)
    planned: list[PlannedStack] = []
    deployed: dict[str, str] = {}
    try:
        for stack in environment.stacks:
            name = environment.stack_name(stack.name)
            current = find_stack(cloudformation, name)
            if current is not None and current.busy:
                raise BusyError(f"{name} is being changed right now ({current.status}); plan again when that is done")
            planned.append(_plan_stack(cloudformation, environment, stack, current, outputs, artifacts, label))
            if current is not None and current.exists:
                outputs[stack.name] = dict(current.outputs)
                if stack.service and FROM_PACKAGE in current.parameters:
                    deployed[stack.service] = current.parameters[FROM_PACKAGE]
        check_progress(planned)
        left_over = _left_over(cloudformation, environment)
    except BaseException:
        discard_change_sets(environment, planned)  # nobody would know of them
        raise
    return Plan(environment.name, environment.region, artifacts, tuple(planned), left_over, deployed)


def _left_over(cloudformation: CloudFormationClient, environment: Environment) -> tuple[str, ...]:
    wanted = {environment.stack_name(stack.name) for stack in environment.stacks} | set(environment.existing.values())
    return tuple(name for name in stack_names(cloudformation, environment.stack_name("")) if name not in wanted)


def check_progress(planned: Sequence[PlannedStack]) -> None:
    """Refuse a plan in which a stack waits for an output that nothing will make.

    Raises:
        StackError: there is such a stack.
    """
    unchanged = {stack.name for stack in planned if stack.kind == "unchanged"}
    for stack in planned:
        for output in stack.waits_for:
            if output.partition(".")[0] in unchanged:
                raise StackError(f"{stack.name} needs {output}, which that stack lacks although nothing in it changes")


def discard_change_sets(environment: Environment, stacks: Iterable[PlannedStack]) -> None:
    """Delete the change sets of a plan that will not be applied."""
    cloudformation = boto3.client("cloudformation", region_name=environment.region)
    for stack in stacks:
        if stack.change_set is not None:
            discard(cloudformation, environment.stack_name(stack.name), stack.change_set)


def discard_label(environment: Environment, label: str) -> list[str]:
    """Delete the change sets that were planned with a label, of stacks that the environment lacks by now, too.

    Returns:
        What was deleted, as `stack: change set`.
    """
    cloudformation = boto3.client("cloudformation", region_name=environment.region)
    discarded = []
    for stack in stack_names(cloudformation, environment.stack_name(""), with_planned=True):
        for name, arn in labelled(cloudformation, stack, label).items():
            discard(cloudformation, stack, arn)
            discarded.append(f"{stack}: {name}")
    return discarded


def fixed_outputs(cloudformation: CloudFormationClient, environment: Environment) -> Outputs:
    """Return the outputs that the environment provides, and those of stacks that somebody else made.

    Raises:
        StackError: such a stack is missing.
    """
    outputs = {name: dict(values) for name, values in environment.provided.items()}
    for name, stack_name in environment.existing.items():
        current = find_stack(cloudformation, stack_name)
        if current is None or not current.exists:
            raise StackError(
                f"the stack {stack_name} is missing in {environment.region} ({environment.path.name}: existing.{name})"
            )
        outputs[name] = dict(current.outputs)
    return outputs


def execution_role(environment: Environment, outputs: Outputs) -> str | None:
    """Return the ARN of the role that CloudFormation works with; None when it is the caller's rights.

    Raises:
        StackError: the environment names an output that does not exist.
    """
    role = environment.execution_role
    if role is None:
        return None
    if role.name not in outputs.get(role.stack, {}):
        raise StackError(f"{environment.path.name}: execution_role takes {role}, which does not exist")
    return outputs[role.stack][role.name]


def package_keys(environment: Environment) -> dict[str, str]:
    """Return the key in the artifact bucket of each service's package, which need not be built for that.

    What the environment pins is published; what it does not is of the working tree.

    Raises:
        PackageError: there is no such service.
    """
    if environment.versions is not None:
        return {service: published_key(service, version) for service, version in environment.versions.items()}
    services = [stack.service for stack in environment.stacks if stack.service]
    return {service: package_key(service, environment.platform) for service in services}


def missing_inputs(stack: Stack, outputs: Outputs) -> tuple[str, ...]:
    """Return the outputs, as `stack.Output`, that a stack needs and that do not exist yet."""
    return tuple(
        dict.fromkeys(
            str(output) for output in stack.wired.values() if output.name not in outputs.get(output.stack, {})
        )
    )


def resolve_parameters(stack: Stack, outputs: Outputs, artifacts: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each parameter of a stack whose inputs exist."""
    parameters = dict(stack.parameters)
    parameters |= {name: outputs[output.stack][output.name] for name, output in stack.wired.items()}
    if stack.service:
        parameters[FROM_PACKAGE] = artifacts[stack.service]
    if RELEASE in stack.template.parameters:
        state = json.dumps([stack.template.body, parameters], sort_keys=True)
        parameters[RELEASE] = hashlib.sha256(state.encode()).hexdigest()[:12]
    return parameters


def desired_digest(stack: Stack, artifacts: Mapping[str, str]) -> str:
    """Return a digest of all that the files of the repository say about a stack."""
    wired = {name: str(output) for name, output in stack.wired.items()}
    state = [stack.template.body, wired, dict(stack.parameters), artifacts.get(stack.service or "")]
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _plan_stack(
    cloudformation: CloudFormationClient,
    environment: Environment,
    stack: Stack,
    current: CurrentStack | None,
    outputs: Outputs,
    artifacts: Mapping[str, str],
    label: str,
) -> PlannedStack:
    exists = current is not None and current.exists
    missing = missing_inputs(stack, outputs)
    failed = current is not None and current.creation_failed
    desired = desired_digest(stack, artifacts)
    if missing or failed:
        if exists:
            return PlannedStack(stack.name, "plan again", desired, waits_for=missing)
        additions = tuple(Change("Add", name, kind) for name, kind in stack.template.resources.items())
        return PlannedStack(stack.name, "create later", desired, additions, waits_for=missing)
    parameters = resolve_parameters(stack, outputs, artifacts)
    name = environment.stack_name(stack.name)
    role = execution_role(environment, outputs)
    body = stack.template.body
    change_set = make_change_set(cloudformation, name, body, parameters, create=not exists, role=role, label=label)
    if change_set is None:
        return PlannedStack(stack.name, "unchanged", desired, parameters=parameters)
    return PlannedStack(
        stack.name,
        "update" if exists else "create",
        desired,
        change_set.changes,
        change_set.arn,
        parameters,
        refused=refusals(stack.name, change_set.changes, environment.overrides),
    )
