"""Brings every stack of an environment to its desired state, one after the other.

A stack that fails stops the ones after it and rolls back none before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from deploy.environment import Environment, Stack, load_environment
from deploy.package import Package, package
from deploy.stack import StackError, execute, plan_stack, stack_outputs

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ARTIFACTS = Path(__file__).parents[2] / ".local" / "artifacts"


def deploy(
    environment_name: str, variables: Mapping[str, str], report: Callable[[str], None]
) -> dict[str, dict[str, str]]:
    """Package the services, then plan and apply each stack.

    Args:
        environment_name: a file of `environments/`, without its extension.
        variables: what `${NAME}` in that file stands for.
        report: called with a line of progress.

    Returns:
        The outputs of each stack by its name in stacks.yaml, with those that the environment provides.

    Raises:
        EnvironmentFileError: the desired state is not usable.
        PackageError: a service cannot be packaged.
        StackError: a stack did not reach its desired state.
    """
    environment = load_environment(environment_name, variables)
    packages = _package_services(environment)
    session = boto3.Session(region_name=environment.region)
    s3 = session.client("s3")
    cloudformation = session.client("cloudformation")
    outputs = {name: dict(values) for name, values in environment.provided.items()}
    for stack in environment.stacks:
        parameters = {**stack.parameters, **_wired_parameters(stack, outputs)}
        if stack.service:
            parameters |= _upload(s3, environment.artifact_bucket, packages[stack.service])
        name = f"{environment.stack_prefix}-{stack.name}"
        change_set = plan_stack(cloudformation, name, stack.template.read_text(encoding="utf-8"), parameters)
        if change_set is None:
            report(f"{stack.name}: nothing to change")
        else:
            report(f"{stack.name}: {len(change_set.changes)} changes")
            execute(cloudformation, change_set)
        outputs[stack.name] = stack_outputs(cloudformation, name)
    return outputs


def _package_services(environment: Environment) -> dict[str, Package]:
    services = [stack.service for stack in environment.stacks if stack.service]
    with ThreadPoolExecutor() as pool:
        built = pool.map(lambda service: package(service, environment.platform, ARTIFACTS), services)
        return dict(zip(services, built, strict=True))


def _wired_parameters(stack: Stack, outputs: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    missing = [str(output) for output in stack.wired.values() if output.name not in outputs[output.stack]]
    if missing:
        raise StackError(f"{stack.name} needs {', '.join(missing)}, which is no output of that stack")
    return {parameter: outputs[output.stack][output.name] for parameter, output in stack.wired.items()}


def _upload(s3: S3Client, bucket: str, built: Package) -> dict[str, str]:
    """Store a package unless it is stored already; return the parameters that name it."""
    try:
        s3.head_object(Bucket=bucket, Key=built.key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise StackError(f"artifact bucket {bucket}: {error}") from error
        s3.upload_file(str(built.path), bucket, built.key)
    return {"ArtifactBucket": bucket, "ArtifactKey": built.key}
