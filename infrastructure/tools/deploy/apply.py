"""Executes plans: exactly what was planned, one stack after the other. Also deletes environments.

A stack that fails stops the apply; stacks that were changed before it are not rolled back.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import boto3

from deploy.artifacts import artifact_bucket, store, stored
from deploy.change_set import execute, execution_status, make_change_set, read_changes
from deploy.environment import ARTIFACT_BUCKET, Environment, Stack
from deploy.errors import BusyError, GateError, PackageError, PlanFileError, StackError, StaleError
from deploy.gate import refusals
from deploy.outputs import Outputs, environment_outputs, fixed_outputs
from deploy.package import Package, package
from deploy.plan import (
    Plan,
    PlannedStack,
    desired_digest,
    execution_role,
    make_plan,
    missing_inputs,
    package_keys,
    resolve_parameters,
)
from deploy.stack import Follow, delete_stack, find_stack, find_stacks, wait_until_settled

Report = Callable[[str], None]

PROTECTION = "DeletionProtection"
"""The template parameter that turns on deletion protection in AWS."""


def apply_plan(
    session: boto3.Session, environment: Environment, plan: Plan, report: Report, follow: Follow | None = None
) -> tuple[str, ...]:
    """Execute a plan in order, up to the first stack that needs another plan.

    Args:
        session: the AWS account.
        environment: the desired state that was planned.
        plan: the reviewed plan.
        report: called with a line for each stack.
        follow: called with each stack event.

    Returns:
        The stacks that need another plan, because the outputs they depend on were created or changed by this apply.

    Raises:
        GateError: the plan replaces or deletes a protected resource; nothing was changed.
        PlanFileError: the plan belongs to another environment; nothing was changed.
        BusyError: another process is changing a stack.
        StaleError: the desired state was edited after the plan, and nothing was changed; or a stack was changed.
        PackageError: a pinned version is not published, and nothing was changed; or a package cannot be built or
            stored.
        StackError: a stack did not reach its desired state.
    """
    if (plan.environment, plan.region) != (environment.name, environment.region):
        raise PlanFileError(f"this is a plan of {plan.environment} in {plan.region}, not of {environment.name}")
    artifacts = package_keys(environment)
    wanted = {stack.name: desired_digest(stack, artifacts) for stack in environment.stacks}
    planned = {stack.name: stack.desired for stack in plan.stacks}
    if edited := sorted(name for name, _ in wanted.items() ^ planned.items()):
        raise StaleError(f"{', '.join(dict.fromkeys(edited))}: edited since the plan; plan again")
    return _Run(session, environment, plan, report, follow).run()


class _Run:
    """One execution of a plan."""

    def __init__(
        self, session: boto3.Session, environment: Environment, plan: Plan, report: Report, follow: Follow | None
    ) -> None:
        self._session = session
        self._environment = environment
        self._plan = plan
        self._report = report
        self._follow = follow
        self._cloudformation = session.client("cloudformation", region_name=environment.region)
        self._s3 = session.client("s3", region_name=environment.region)
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
                raise StaleError(f"{stack.name} was deleted after the plan; plan again")
            self._outputs[stack.name] = dict(current.outputs)
        return ()

    def _check_gate(self) -> None:
        """Check the actual change sets, not the plan file's description of them, against the current overrides."""
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
        outputs = environment_outputs(self._session, self._environment)
        missing = []
        for service, stack in _changing_services(self._environment, self._plan).items():
            bucket, key = artifact_bucket(stack, outputs), self._plan.artifacts[service]
            if stored(self._s3, bucket, key) is None:
                missing.append(f"{bucket}/{key}")
        if missing:
            publish = f"make publish ENV={self._environment.name}"
            raise PackageError(
                f"nothing was changed: these versions are not published ({publish}): {', '.join(missing)}"
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
            changed = self._create(name, stack, parameters)
        else:
            changed = execute(self._cloudformation, name, planned.change_set, self._follow)
        done = "updated" if planned.kind == "update" else "created"
        self._report(f"{stack.name}: {done if changed else 'already done'}")

    def _create(self, name: str, stack: Stack, parameters: Mapping[str, str]) -> bool:
        """Create a stack that had no change set in the plan, because its inputs did not exist yet.

        Returns:
            False if an earlier, interrupted apply has already created it.
        """
        current = find_stack(self._cloudformation, name)
        if current is not None and (current.busy or current.exists):
            template = self._cloudformation.get_template(StackName=name, TemplateStage="Original")
            if (
                str(template["TemplateBody"]) != stack.template.body
                or not parameters.items() <= current.parameters.items()
            ):
                raise StaleError(f"{name} was created by another process after the plan; plan again")
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


def deploy(session: boto3.Session, environment: Environment, report: Report) -> Outputs:
    """Plan and apply without a review until nothing is left to change: for laptops and tests.

    Returns:
        The outputs of each stack, as `environment_outputs` returns them.

    Raises:
        GateError, BusyError, StaleError, PackageError, StackError: as `make_plan` and `apply_plan` do.
    """
    while apply_plan(session, environment, make_plan(session, environment), report):
        pass
    return environment_outputs(session, environment)


def delete_environment(
    session: boto3.Session, environment: Environment, report: Report, follow: Follow | None = None
) -> list[str]:
    """Delete every stack, in reverse order, and return their names.

    Resources that templates retain are kept: buckets, secrets, a snapshot.

    Raises:
        GateError: a stack is protected by its parameter DeletionProtection; nothing was deleted.
        BusyError: a stack is being changed; nothing was deleted.
        StackError: a stack could not be deleted; the stacks that depend on it are deleted.
    """
    cloudformation = session.client("cloudformation", region_name=environment.region)
    found = find_stacks(cloudformation, environment)
    if protected := [name for name, current in reversed(found.items()) if current.parameters.get(PROTECTION) == "true"]:
        settings = ", ".join(f"parameters.{name}.{PROTECTION}" for name in protected)
        raise GateError(f"set {settings} to false in {environment.path.name}, plan and apply; then delete")
    if busy := [current.name for current in found.values() if current.busy]:
        raise BusyError(f"{', '.join(busy)}: being changed right now; nothing was deleted")
    for stack, current in reversed(found.items()):
        delete_stack(cloudformation, current, follow)
        report(f"{stack}: deleted")
    return list(reversed(found))


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
