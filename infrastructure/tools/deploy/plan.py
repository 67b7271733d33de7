"""Plans: a change set for each stack of an environment, kept in a file until it is applied.

A change set needs the outputs of other stacks. If these do not exist yet, the stack is planned later: a new stack is
created by the same apply, because a creation only adds resources; an existing stack needs another plan, because only
reviewed changes are applied.
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
from deploy.outputs import Outputs, fixed_outputs
from deploy.package import package_key, published_key
from deploy.stack import CurrentStack, find_stack, stack_names

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

Kind = Literal["unchanged", "create", "update", "create later", "plan again"]


@dataclass(frozen=True)
class PlannedStack:
    """The planned changes of one stack. Without a change set, `changes` are read from the template."""

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
    """The planned changes of an environment; stacks are in deployment order."""

    environment: str
    region: str
    artifacts: Mapping[str, str]
    """The keys of the packages by service."""
    stacks: tuple[PlannedStack, ...]
    orphaned: tuple[str, ...] = ()
    """Orphaned stacks: names of CloudFormation stacks of this environment that its desired state no longer has."""
    deployed: Mapping[str, str] = field(default_factory=dict)
    """The keys of the packages that are deployed now, by service."""

    @property
    def refused(self) -> tuple[str, ...]:
        """The changes that the gate refuses, a sentence each."""
        return tuple(sentence for stack in self.stacks for sentence in stack.refused)

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to apply."""
        return any(stack.kind != "unchanged" for stack in self.stacks)


def make_plan(session: boto3.Session, environment: Environment, label: str = LABEL) -> Plan:
    """Create a change set for each stack that would change.

    Args:
        session: the AWS account.
        environment: the desired state.
        label: prefix of the names of the change sets, by which `discard_label` finds them.

    Raises:
        BusyError: a stack is being changed right now.
        PackageError: a service cannot be packaged.
        StackError: CloudFormation rejected a template or a parameter, or a stack lacks an output.
    """
    cloudformation = session.client("cloudformation", region_name=environment.region)
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
        orphaned = _orphaned_stacks(cloudformation, environment)
    except BaseException:
        discard_change_sets(session, environment, planned)  # no plan file will name them
        raise
    return Plan(environment.name, environment.region, artifacts, tuple(planned), orphaned, deployed)


def _orphaned_stacks(cloudformation: CloudFormationClient, environment: Environment) -> tuple[str, ...]:
    wanted = {environment.stack_name(stack.name) for stack in environment.stacks} | set(environment.existing.values())
    return tuple(name for name in stack_names(cloudformation, environment.stack_name("")) if name not in wanted)


def check_progress(planned: Sequence[PlannedStack]) -> None:
    """Refuse a plan in which a stack waits for an output that no planned change creates.

    Raises:
        StackError: there is such a stack.
    """
    unchanged = {stack.name for stack in planned if stack.kind == "unchanged"}
    for stack in planned:
        for output in stack.waits_for:
            if output.partition(".")[0] in unchanged:
                raise StackError(f"{stack.name} needs {output}, which does not exist, and no planned change creates it")


def discard_change_sets(session: boto3.Session, environment: Environment, stacks: Iterable[PlannedStack]) -> None:
    """Delete the change sets of a plan that will not be applied."""
    cloudformation = session.client("cloudformation", region_name=environment.region)
    for stack in stacks:
        if stack.change_set is not None:
            discard(cloudformation, environment.stack_name(stack.name), stack.change_set)


def discard_label(session: boto3.Session, environment: Environment, label: str) -> list[str]:
    """Delete the change sets that were planned with a label, including those of orphaned stacks.

    Returns:
        The deleted change sets, as `stack: change set`.
    """
    cloudformation = session.client("cloudformation", region_name=environment.region)
    discarded = []
    for stack in stack_names(cloudformation, environment.stack_name(""), with_planned=True):
        for name, arn in labelled(cloudformation, stack, label).items():
            discard(cloudformation, stack, arn)
            discarded.append(f"{stack}: {name}")
    return discarded


def execution_role(environment: Environment, outputs: Outputs) -> str | None:
    """Return the ARN of the role that CloudFormation assumes; None for the caller's permissions.

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
    """Return the artifact key of each service's package, without building it.

    Pinned versions are published packages; without pins the packages are those of the working tree.

    Raises:
        PackageError: a service is unknown.
    """
    if environment.versions is not None:
        return {service: published_key(service, version) for service, version in environment.versions.items()}
    services = [stack.service for stack in environment.stacks if stack.service]
    return {service: package_key(service, environment.platform) for service in services}


def missing_inputs(stack: Stack, outputs: Outputs) -> tuple[str, ...]:
    """Return the outputs, as `stack.Output`, that a stack needs and that do not exist yet."""
    needed = (output for output in stack.wired.values() if output.name not in outputs.get(output.stack, {}))
    return tuple(dict.fromkeys(map(str, needed)))


def resolve_parameters(stack: Stack, outputs: Outputs, artifacts: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each parameter of a stack whose inputs exist."""
    parameters = dict(stack.parameters)
    parameters |= {name: outputs[output.stack][output.name] for name, output in stack.wired.items()}
    if stack.service:
        parameters[FROM_PACKAGE] = artifacts[stack.service]
    if RELEASE in stack.template.parameters:
        parameters[RELEASE] = _digest([stack.template.body, parameters])[:12]
    return parameters


def desired_digest(stack: Stack, artifacts: Mapping[str, str]) -> str:
    """Return a digest of everything that the repository's files say about a stack."""
    wired = {name: str(output) for name, output in stack.wired.items()}
    return _digest([stack.template.body, wired, dict(stack.parameters), artifacts.get(stack.service or "")])


def _digest(state: list[object]) -> str:
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
