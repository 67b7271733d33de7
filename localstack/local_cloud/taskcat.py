"""taskcat against the emulator: the whole environment as one nested stack, in two regions, without a network.

A database is a MariaDB server and a function a process, so the schema is really migrated.
https://aws-ia.github.io/taskcat/
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from deploy.apply import PROTECTION
from deploy.environment import FROM_PACKAGE, INFRASTRUCTURE, Environment, load_environment
from deploy.errors import DeployError
from deploy.package import Package, package
from deploy.render import ROOT, render
from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.emulator import Emulator, client_environ
from local_cloud.ports import free_ports

PYTHON = REPOSITORY / ".local" / "venv" / "taskcat" / "bin" / "python"
LAUNCHER = REPOSITORY / "infrastructure" / "checks" / "taskcat_emulated.py"
FOLDER = REPOSITORY / ".local" / "taskcat"

ENVIRONMENT = "staging"
REGIONS = ("us-east-1", "eu-central-1")
PROJECT = "gallery"
TEMPLATES = "templates"
ARTIFACT_BUCKET = "artifacts-taskcat-{}"
IMAGE_BUCKET = "gallery-taskcat-{}"


def run_taskcat(folder: Path, infrastructure: Path = INFRASTRUCTURE) -> int:
    """Create and delete the environment in every region.

    Args:
        folder: for everything, with the report in `report/`; what an earlier run left there is deleted.
        infrastructure: holds stacks.yaml, the templates and the environments.

    Returns:
        The exit status of taskcat, which has printed what failed.

    Raises:
        DeployError: the environment cannot be rendered or packaged.
        LocalCloudError: the emulator does not start.
    """
    shutil.rmtree(folder, ignore_errors=True)
    environment = _unprotected(load_environment(ENVIRONMENT, {"AWS_ACCOUNT_ID": "000000000000"}, infrastructure))
    packages = {stack.name: package(stack.service, "host") for stack in environment.stacks if stack.service}
    project = folder / "project"
    render(environment, project / TEMPLATES)
    (project / ".taskcat.yml").write_text(json.dumps(_settings(packages), indent=1), encoding="utf-8")
    (port,) = free_ports(1)
    emulator = Emulator(folder / "cloud", port, {}, databases=True)
    emulator.start()
    try:
        aws = client_environ(emulator.endpoint_url)
        for region in REGIONS:
            _store(packages, region, aws)
        return _taskcat(project, folder / "report", aws)
    finally:
        emulator.abandon()


def _unprotected(environment: Environment) -> Environment:
    """Return the environment without protection from deletion: what taskcat makes, it must be able to delete."""
    stacks = (
        replace(stack, parameters={**stack.parameters, PROTECTION: "false"})
        if PROTECTION in stack.template.parameters
        else stack
        for stack in environment.stacks
    )
    return replace(environment, stacks=tuple(stacks))


def _settings(packages: Mapping[str, Package]) -> dict[str, Any]:
    """Return the content of .taskcat.yml: https://aws-ia.github.io/taskcat/docs/usage/GENERAL_USAGE/."""
    region = "$[taskcat_current_region]"
    return {
        "project": {"name": PROJECT, "regions": REGIONS, "package_lambda": False, "s3_regional_buckets": False},
        "tests": {
            ENVIRONMENT: {
                "template": f"{TEMPLATES}/{ROOT}",
                "parameters": {
                    "TemplateBucket": "$[taskcat_autobucket]",
                    "TemplateBucketRegion": region,
                    "TemplatePrefix": f"{PROJECT}/{TEMPLATES}/",
                    "BootstrapArtifactBucket": ARTIFACT_BUCKET.format(region),
                    "ImagesBucketName": IMAGE_BUCKET.format(region),
                    **{f"{stack.capitalize()}{FROM_PACKAGE}": built.key for stack, built in packages.items()},
                },
            }
        },
    }


def _store(packages: Mapping[str, Package], region: str, aws: Mapping[str, str]) -> None:
    """Upload every package to a bucket of its region: Lambda reads code from there only."""
    s3 = boto3.client(
        "s3",
        region_name=region,
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
    )
    bucket = ARTIFACT_BUCKET.format(region)
    place: Any = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **place)
    for built in packages.values():
        s3.upload_file(str(built.path), bucket, built.key)


def _taskcat(project: Path, report: Path, aws: Mapping[str, str]) -> int:
    command = [
        *(str(PYTHON), "-W", "ignore::UserWarning", str(LAUNCHER), "test", "run"),  # it still uses pkg_resources
        *("--project-root", str(project), "--output-directory", str(report)),
        *("--keep-failed", "--minimal-output"),
    ]
    return subprocess.run(
        command, cwd=project, env={"PATH": os.defpath, "HOME": str(project), **aws}, check=False
    ).returncode


def main() -> int:
    """Run taskcat, say where the report is, and return the exit status."""
    try:
        status = run_taskcat(FOLDER)
    except (DeployError, LocalCloudError) as error:
        sys.stderr.write(f"taskcat: {error}\n")
        return 1
    report = FOLDER / "report" / "index.html"
    if report.exists():  # there is none when a template is refused before anything is created
        sys.stdout.write(f"The report: {report}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
