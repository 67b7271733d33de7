"""Brings the stacks of an environment to their desired state, one after the other: what was planned, and no more.

A stack that fails stops the ones after it and rolls back none before it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from deploy.environment import Environment, Stack
from deploy.errors import BusyError, GateError, PackageError, PlanFileError, StackError, StaleError
from deploy.package import Package, package
from deploy.plan import Outputs, Plan, PlannedStack, fixed_outputs, make_plan, missing_inputs, resolve_parameters
from deploy.stack import Follow, delete_stack, execute, find_stack, make_change_set, wait_until_settled

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

Report = Callable[[str], None]

ARTIFACT_BUCKET = "ArtifactBucket"
"""The parameter of a service's template that names the bucket of its package."""


def apply_plan(environment: Environment, plan: Plan, report: Report, follow: Follow | None = None) -> tuple[str, ...]:
    """Execute what was planned.

    Args:
        environment: the desired state that was planned.
        plan: what was reviewed.
        report: called with a line for each stack.
        follow: called with each event of a stack that is worked on.

    Returns:
        The stacks that need another plan, because their inputs came into being only now.

    Raises:
        GateError: the plan replaces or deletes something protected; nothing was done.
        PlanFileError: the plan is another environment's; nothing was done.
        BusyError: somebody else is changing a stack.
        StaleError: something has changed since the plan was made.
        PackageError, StackError: a stack did not reach its desired state.
    """
    if (plan.environment, plan.region) != (environment.name, environment.region):
        raise PlanFileError(f"this is a plan of {plan.environment} in {plan.region}; make one of {environment.name}")
    if plan.refused:
        raise GateError("\n  ".join(["refused; an override in the environment file may allow it:", *plan.refused]))
    cloudformation = boto3.client("cloudformation", region_name=environment.region)
    packages = _build_packages(environment, plan)
    outputs = fixed_outputs(cloudformation, environment)
    stacks = {stack.name: stack for stack in environment.stacks}
    if stacks.keys() != {planned.name for planned in plan.stacks}:
        raise StaleError("stacks.yaml has changed since this was planned; plan again")
    unplanned = []
    for planned in plan.stacks:
        stack = stacks[planned.name]
        if planned.kind == "plan again":
            unplanned.append(planned.name)
        elif planned.kind != "unchanged":
            _apply_stack(cloudformation, environment, stack, planned, plan, outputs, packages, report, follow)
        current = find_stack(cloudformation, environment.stack_name(stack.name))
        outputs[stack.name] = dict(current.outputs) if current is not None else {}
    return tuple(unplanned)


def deploy(environment: Environment, report: Report) -> Outputs:
    """Plan and apply until nothing is left to change, with nobody to review it: for a laptop, and for tests.

    Returns:
        The outputs of each stack by its name in stacks.yaml, with those that the environment provides.

    Raises:
        GateError, BusyError, StaleError, PackageError, StackError: as `make_plan` and `apply_plan` do.
    """
    while True:
        plan = make_plan(environment)
        unplanned = apply_plan(environment, plan, report)
        if not unplanned:
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
        StackError: a stack could not be deleted, such as one with a protected database; those before it are gone.
    """
    cloudformation = boto3.client("cloudformation", region_name=environment.region)
    for stack in reversed(environment.stacks):
        name = environment.stack_name(stack.name)
        if find_stack(cloudformation, name) is not None:
            delete_stack(cloudformation, name, follow)
            report(f"{stack.name}: deleted")


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


def _apply_stack(
    cloudformation: CloudFormationClient,
    environment: Environment,
    stack: Stack,
    planned: PlannedStack,
    plan: Plan,
    outputs: Outputs,
    packages: Mapping[str, Package],
    report: Report,
    follow: Follow | None,
) -> None:
    name = environment.stack_name(stack.name)
    if missing := missing_inputs(stack, outputs):
        raise StackError(f"{stack.name} needs {', '.join(missing)}, which that stack does not have")
    if stack.template.digest != planned.template:
        raise StaleError(f"{stack.template.path.name} was edited since this was planned; plan again")
    parameters = resolve_parameters(stack, outputs, plan.artifacts)
    if stack.service:
        _upload(
            boto3.client("s3", region_name=environment.region), parameters[ARTIFACT_BUCKET], packages[stack.service]
        )
    if planned.change_set is None:
        worked = _create(cloudformation, name, stack, parameters, follow)
    elif parameters != planned.parameters:
        changed = sorted(key for key, value in parameters.items() if (planned.parameters or {}).get(key) != value)
        raise StaleError(f"{stack.name}: {', '.join(changed)} changed since this was planned; plan again")
    else:
        worked = execute(cloudformation, name, planned.change_set, follow)
    done = "updated" if planned.kind == "update" else "created"
    report(f"{stack.name}: {done if worked else 'was done already'}")


def _create(
    cloudformation: CloudFormationClient,
    name: str,
    stack: Stack,
    parameters: Mapping[str, str],
    follow: Follow | None,
) -> bool:
    """Create a stack whose change set could not be made before, because its inputs are new, too.

    Returns:
        Whether there was anything left to do: an interrupted apply may have done it.
    """
    current = find_stack(cloudformation, name)
    if current is not None and (current.busy or current.exists):
        if dict(current.parameters) != dict(parameters):
            raise StaleError(f"{stack.name} was created by somebody else since this was planned; plan again")
        if current.busy:
            wait_until_settled(cloudformation, name, follow)
        return current.busy
    if current is not None and current.creation_failed:
        delete_stack(cloudformation, name)
    change_set = make_change_set(cloudformation, name, stack.template.body, parameters, create=True)
    assert change_set is not None  # noqa: S101 - for the type checker: a creation always has changes
    return execute(cloudformation, name, change_set.arn, follow)


def _build_packages(environment: Environment, plan: Plan) -> dict[str, Package]:
    """Build the packages of the services whose stacks change.

    Raises:
        StaleError: a service has changed since it was planned.
    """
    kinds = {planned.name: planned.kind for planned in plan.stacks}
    services = [stack.service for stack in environment.stacks if stack.service and kinds[stack.name] != "unchanged"]
    with ThreadPoolExecutor() as pool:
        built = dict(
            zip(services, pool.map(lambda service: package(service, environment.platform), services), strict=True)
        )
    for service, artifact in built.items():
        if artifact.key != plan.artifacts.get(service):
            raise StaleError(f"the service {service} has changed since this was planned; plan again")
    return built


def _upload(s3: S3Client, bucket: str, built: Package) -> None:
    """Store a package unless it is stored already.

    Raises:
        PackageError: the bucket does not take it.
    """
    try:
        s3.head_object(Bucket=bucket, Key=built.key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise PackageError(f"artifact bucket {bucket}: {error}") from error
        s3.upload_file(str(built.path), bucket, built.key)
