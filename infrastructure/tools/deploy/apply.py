"""Brings the stacks of an environment to their desired state, one after the other: what was planned, and no more.

A stack that fails stops the ones after it and rolls back none before it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import boto3

from deploy.artifacts import artifact_bucket, store, stored
from deploy.change_set import execute, execution_status, make_change_set, read_changes
from deploy.environment import ARTIFACT_BUCKET, Environment, Stack
from deploy.errors import BusyError, GateError, PackageError, PlanFileError, StackError, StaleError
from deploy.gate import refusals
from deploy.package import Package, package
from deploy.plan import (
    Outputs,
    Plan,
    PlannedStack,
    desired_digest,
    execution_role,
    fixed_outputs,
    make_plan,
    missing_inputs,
    package_keys,
    resolve_parameters,
)
from deploy.stack import Follow, delete_stack, find_stack, original_template, wait_until_settled

Report = Callable[[str], None]

PROTECTION = "DeletionProtection"
"""The parameter by which a template has AWS refuse to delete what it makes."""


def apply_plan(environment: Environment, plan: Plan, report: Report, follow: Follow | None = None) -> tuple[str, ...]:
    """Execute what was planned, in order, up to the first stack for which the plan does not hold any more.

    Args:
        environment: the desired state that was planned.
        plan: what was reviewed.
        report: called with a line for each stack.
        follow: called with each event of a stack that is worked on.

    Returns:
        The stacks that need another plan, because the outputs that they take came into being, or changed, only now.

    Raises:
        GateError: the plan replaces or deletes something protected; nothing was done.
        PlanFileError: the plan is another environment's; nothing was done.
        BusyError: somebody else is changing a stack.
        StaleError: the desired state was edited since, and nothing was done; or somebody else changed a stack.
        PackageError: a pinned version is not published, and nothing was done; or a package cannot be built or stored.
        StackError: a stack did not reach its desired state.
    """
    if (plan.environment, plan.region) != (environment.name, environment.region):
        raise PlanFileError(f"this is a plan of {plan.environment} in {plan.region}; make one of {environment.name}")
    artifacts = package_keys(environment)
    wanted = {stack.name: desired_digest(stack, artifacts) for stack in environment.stacks}
    planned = {stack.name: stack.desired for stack in plan.stacks}
    if edited := sorted(name for name, _ in wanted.items() ^ planned.items()):
        raise StaleError(f"{', '.join(dict.fromkeys(edited))}: edited since this was planned; plan again")
    return _Run(environment, plan, report, follow).run()


class _Run:
    """One execution of a plan."""

    def __init__(self, environment: Environment, plan: Plan, report: Report, follow: Follow | None) -> None:
        self._environment = environment
        self._plan = plan
        self._report = report
        self._follow = follow
        self._cloudformation = boto3.client("cloudformation", region_name=environment.region)
        self._s3 = boto3.client("s3", region_name=environment.region)
        self._packages: dict[str, Package] = {}
        self._outputs = fixed_outputs(self._cloudformation, environment)

    def run(self) -> tuple[str, ...]:
        """Execute the plan; return the stacks that need another one."""
        self._check_gate()
        if self._environment.versions is None:
            self._packages = _build_packages(self._environment, self._plan)
        else:
            self._check_published()
        stacks = {stack.name: stack for stack in self._environment.stacks}
        for position, planned in enumerate(self._plan.stacks):
            stack = stacks[planned.name]
            parameters = self._parameters(stack)
            if planned.kind == "plan again" or planned.parameters not in (None, parameters):
                rest = self._plan.stacks[position + 1 :]
                return (planned.name, *(later.name for later in rest if later.kind != "unchanged"))
            if planned.kind != "unchanged":
                self._apply(stack, planned, parameters)
            current = find_stack(self._cloudformation, self._environment.stack_name(stack.name))
            if current is None:
                raise StaleError(f"{stack.name} was deleted since this was planned; plan again")
            self._outputs[stack.name] = dict(current.outputs)
        return ()

    def _check_gate(self) -> None:
        """Judge what would be executed, not what a file says of it, and by the overrides of today."""
        refused: list[str] = []
        for planned in self._plan.stacks:
            name = self._environment.stack_name(planned.name)
            change_set = planned.change_set
            if change_set and execution_status(self._cloudformation, name, change_set) == "AVAILABLE":
                changes = read_changes(self._cloudformation, name, change_set)
                refused += refusals(planned.name, changes, self._environment.overrides)
        if refused:
            raise GateError("\n  ".join(["refused; an override in the environment file may allow it:", *refused]))

    def _check_published(self) -> None:
        outputs = environment_outputs(self._environment)
        missing = []
        for service, stack in _changing_services(self._environment, self._plan).items():
            bucket, key = artifact_bucket(stack, outputs), self._plan.artifacts[service]
            if stored(self._s3, bucket, key) is None:
                missing.append(f"{bucket}/{key}")
        if missing:
            publish = f"make publish ENV={self._environment.name}"
            raise PackageError(
                f"nothing was done, because versions are not published ({publish}): {', '.join(missing)}"
            )

    def _parameters(self, stack: Stack) -> dict[str, str]:
        if missing := missing_inputs(stack, self._outputs):
            raise StackError(f"{stack.name} needs {', '.join(missing)}, which that stack does not have")
        return resolve_parameters(stack, self._outputs, self._plan.artifacts)

    def _apply(self, stack: Stack, planned: PlannedStack, parameters: Mapping[str, str]) -> None:
        if stack.service and self._environment.versions is None:
            bucket, built = parameters[ARTIFACT_BUCKET], self._packages[stack.service]
            if stored(self._s3, bucket, built.key) is None:
                store(self._s3, bucket, built, {})
        name = self._environment.stack_name(stack.name)
        if planned.change_set is None:
            worked = self._create(name, stack, parameters)
        else:
            worked = execute(self._cloudformation, name, planned.change_set, self._follow)
        done = "updated" if planned.kind == "update" else "created"
        self._report(f"{stack.name}: {done if worked else 'was done already'}")

    def _create(self, name: str, stack: Stack, parameters: Mapping[str, str]) -> bool:
        """Create a stack whose change set could not be made before, because its inputs are new, too.

        Returns:
            Whether there was anything left to do: an interrupted apply may have done it.
        """
        current = find_stack(self._cloudformation, name)
        if current is not None and (current.busy or current.exists):
            template = original_template(self._cloudformation, name)
            if template != stack.template.body or not parameters.items() <= current.parameters.items():
                raise StaleError(f"{name} was created by somebody else since this was planned; plan again")
            if current.busy:
                wait_until_settled(self._cloudformation, name, self._follow)
            return current.busy
        if current is not None and current.creation_failed:
            delete_stack(self._cloudformation, current, self._follow)
        role = execution_role(self._environment, self._outputs)
        body = stack.template.body
        change_set = make_change_set(self._cloudformation, name, body, parameters, create=True, role=role)
        assert change_set is not None  # noqa: S101 - for the type checker: a creation always has changes
        return execute(self._cloudformation, name, change_set.arn, self._follow)


def deploy(environment: Environment, report: Report) -> Outputs:
    """Plan and apply until nothing is left to change, with nobody to review it: for a laptop, and for tests.

    Returns:
        The outputs of each stack by its name in stacks.yaml, with those that the environment provides.

    Raises:
        GateError, BusyError, StaleError, PackageError, StackError: as `make_plan` and `apply_plan` do.
    """
    while apply_plan(environment, make_plan(environment), report):
        pass
    return environment_outputs(environment)


def environment_outputs(environment: Environment) -> Outputs:
    """Return the outputs of each stack that exists, by its name in stacks.yaml, and those that stand in."""
    cloudformation = boto3.client("cloudformation", region_name=environment.region)
    outputs = fixed_outputs(cloudformation, environment)
    for stack in environment.stacks:
        current = find_stack(cloudformation, environment.stack_name(stack.name))
        if current is not None:
            outputs[stack.name] = dict(current.outputs)
    return outputs


def delete_environment(environment: Environment, report: Report, follow: Follow | None = None) -> None:
    """Delete every stack, the last first. What templates retain stays: buckets, secrets, a snapshot of the database.

    Raises:
        GateError: a stack is protected by its parameter DeletionProtection; nothing was deleted.
        BusyError: a stack is being changed; nothing was deleted.
        StackError: a stack could not be deleted; those after it are gone.
    """
    cloudformation = boto3.client("cloudformation", region_name=environment.region)
    names = {stack.name: environment.stack_name(stack.name) for stack in reversed(environment.stacks)}
    found = {stack: current for stack, name in names.items() if (current := find_stack(cloudformation, name))}
    if protected := [name for name, current in found.items() if current.parameters.get(PROTECTION) == "true"]:
        settings = ", ".join(f"parameters.{name}.{PROTECTION}" for name in protected)
        raise GateError(f"set {settings} to false in {environment.path.name}, plan and apply; then delete")
    if busy := [names[stack] for stack, current in found.items() if current.busy]:
        raise BusyError(f"{', '.join(busy)}: being changed right now; nothing was deleted")
    for stack, current in found.items():
        delete_stack(cloudformation, current, follow)
        report(f"{stack}: deleted")


@contextmanager
def only_one(environment: str, folder: Path) -> Iterator[None]:
    """Let one process at a time of this machine change an environment.

    Raises:
        BusyError: another one does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{environment}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another process of this machine is changing {environment}; wait for it") from None
        yield


def _build_packages(environment: Environment, plan: Plan) -> dict[str, Package]:
    """Build the packages of the services whose stacks change."""
    services = _changing_services(environment, plan)
    with ThreadPoolExecutor() as pool:
        built = pool.map(lambda service: package(service, environment.platform), services)
        return dict(zip(services, built, strict=True))


def _changing_services(environment: Environment, plan: Plan) -> dict[str, Stack]:
    """Return the services whose stacks change, with these stacks."""
    kinds = {planned.name: planned.kind for planned in plan.stacks}
    return {stack.service: stack for stack in environment.stacks if stack.service and kinds[stack.name] != "unchanged"}
