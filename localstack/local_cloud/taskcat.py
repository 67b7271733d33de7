"""taskcat: the whole environment as one nested stack, in some regions, and all of it away again.

Without regions it runs on an emulator of its own, without a network: a database is a MariaDB server and a function a
process, so the schema is really migrated. With regions it runs in the account of the credentials in the environment.
https://aws-ia.github.io/taskcat/
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deploy.apply import PROTECTION
from deploy.environment import FROM_PACKAGE, INFRASTRUCTURE, Environment, Platform, load_environment
from deploy.errors import DeployError, StackError
from deploy.package import Package, package
from deploy.render import ROOT, render
from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.emulator import REGION, Emulator, client_environ
from local_cloud.ports import free_ports
from local_cloud.session import EmulatorSession
from local_cloud.taskcat_region import ARTIFACT_BUCKET, STACK, TaskcatRegion

PYTHON = REPOSITORY / ".local" / "venv" / "taskcat" / "bin" / "python"
LAUNCHER = REPOSITORY / "infrastructure" / "tools" / "checks" / "taskcat_offline.py"
FOLDER = REPOSITORY / ".local" / "taskcat"

ENVIRONMENT = "staging"
REGIONS = ("us-east-1", "eu-central-1")
PROJECT = "gallery"
TEMPLATES = "templates"
IMAGE_BUCKET = "gallery-taskcat-{account}-{region}"

Report = Callable[[str], None]


def run_on_emulator(folder: Path, infrastructure: Path = INFRASTRUCTURE) -> int:
    """Create and delete the environment in two regions of an emulator.

    Args:
        folder: for everything, with the report in `report/`; what an earlier run left there is deleted.
        infrastructure: holds stacks.yaml, the templates and the environments.

    Returns:
        The exit status of taskcat, which has printed what failed.

    Raises:
        DeployError: the environment cannot be rendered, packaged or deleted.
        LocalCloudError: the emulator does not start.
    """
    (port,) = free_ports(1)
    emulator = Emulator(folder / "cloud", port, {}, databases=True)
    emulator.clear()
    shutil.rmtree(folder, ignore_errors=True)
    try:
        emulator.start()
        session, environ = EmulatorSession(emulator.endpoint_url), client_environ(emulator.endpoint_url)
        return _run(session, folder, REGIONS, infrastructure, {**os.environ, **environ})
    finally:
        emulator.abandon()


def run_in_account(folder: Path, regions: Sequence[str], infrastructure: Path = INFRASTRUCTURE) -> int:
    """Create and delete the environment in regions of the account of the credentials in the environment.

    Args and result are those of `run_on_emulator`. One run at a time in an account: what an interrupted one left is
    deleted first. AWS_ENDPOINT_URL names an emulator instead, as everywhere; it runs packages of this machine.

    Raises:
        DeployError: the environment cannot be rendered, packaged or deleted, or another run is at work.
        LocalCloudError: there is no such region.
        BotoCoreError, ClientError: AWS cannot be reached, or refuses something.
    """
    session = boto3.Session()
    known = session.get_available_regions("cloudformation")
    if unknown := [region for region in regions if region not in known]:
        raise LocalCloudError(f"there is no region {unknown[0]!r}; REGIONS are names such as eu-central-1")
    shutil.rmtree(folder, ignore_errors=True)
    return _run(session, folder, regions, infrastructure, os.environ)


def _run(
    session: boto3.Session, folder: Path, regions: Sequence[str], infrastructure: Path, environ: Mapping[str, str]
) -> int:
    on_emulator = bool(environ.get("AWS_ENDPOINT_URL"))
    platform: Platform = "host" if on_emulator else "aws"
    look_seconds = 1 if on_emulator else 30
    account: str = session.client("sts", region_name=REGION).get_caller_identity()["Account"]
    places = [TaskcatRegion(session, region, account) for region in regions]
    for place in places:
        place.refuse_another_run()
    environment = _unprotected(load_environment(ENVIRONMENT, {"AWS_ACCOUNT_ID": account}, infrastructure))
    packages = {stack.name: package(stack.service, platform) for stack in environment.stacks if stack.service}
    project = folder / "project"
    _render(environment, project / TEMPLATES)
    (project / ".taskcat.yml").write_text(json.dumps(_settings(packages, regions, account), indent=1), encoding="utf-8")
    with ThreadPoolExecutor() as pool:  # to delete a stack takes a quarter of an hour
        try:
            list(pool.map(lambda place: place.prepare(packages, _say), places))
            status = _taskcat(project, folder / "report", look_seconds, environ)
            for place in places if status else ():
                for cause in place.failures():
                    _say(cause)
        finally:
            if left := list(filter(None, pool.map(_clear, places))):
                raise StackError("not everything is deleted; the next run tries again\n" + "\n".join(left))
    return status


def _clear(place: TaskcatRegion) -> str:
    """Delete everything in a region, and return why that failed, if it did."""
    try:
        place.clear(_say)
    except (StackError, BotoCoreError, ClientError) as error:
        return f"{place.name}: {error}"
    return ""


def _unprotected(environment: Environment) -> Environment:
    """Return the environment without protection from deletion: what taskcat makes, it must be able to delete."""
    stacks = (
        replace(stack, parameters={**stack.parameters, PROTECTION: "false"})
        if PROTECTION in stack.template.parameters
        else stack
        for stack in environment.stacks
    )
    return replace(environment, stacks=tuple(stacks))


def _render(environment: Environment, folder: Path) -> None:
    """Write the templates so that nothing outlives its stack."""
    render(environment, folder)
    for template in folder.glob("*.yaml"):
        text = template.read_text(encoding="utf-8")
        kept = re.sub(r"\bDeletionPolicy: (?:Retain(?:ExceptOnCreate)?|Snapshot)\b", "DeletionPolicy: Delete", text)
        template.write_text(kept, encoding="utf-8")


def _settings(packages: Mapping[str, Package], regions: Sequence[str], account: str) -> dict[str, Any]:
    """Return the content of .taskcat.yml: https://aws-ia.github.io/taskcat/docs/schema/taskcat_schema/."""
    region = "$[taskcat_current_region]"
    bucket = "$[taskcat_autobucket]"  # ours: it is named after `s3_bucket` and the region
    return {
        "project": {
            "name": PROJECT,
            "regions": list(regions),
            "package_lambda": False,
            "s3_bucket": ARTIFACT_BUCKET.format(account=account),
            "s3_regional_buckets": True,
        },
        "tests": {
            ENVIRONMENT: {
                "template": f"{TEMPLATES}/{ROOT}",
                "stack_name": STACK,
                "parameters": {
                    "TemplateBucket": bucket,
                    "TemplateBucketRegion": region,
                    "TemplatePrefix": f"{PROJECT}/{TEMPLATES}/",
                    "BootstrapArtifactBucket": bucket,
                    "ImagesBucketName": IMAGE_BUCKET.format(account=account, region=region),
                    **{f"{stack.capitalize()}{FROM_PACKAGE}": built.key for stack, built in packages.items()},
                },
            }
        },
    }


def _taskcat(project: Path, report: Path, look_seconds: int, environ: Mapping[str, str]) -> int:
    """Run taskcat, which only creates: it cannot delete buckets that are not empty, as that of the access logs."""
    command = [
        *(str(PYTHON), "-W", "ignore::UserWarning", str(LAUNCHER), str(look_seconds)),  # it still uses pkg_resources
        *("test", "run", "--project-root", str(project), "--output-directory", str(report)),
        *("--no-delete", "--minimal-output"),
    ]
    environ = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=project, env=environ, check=False).returncode


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    """Run taskcat, say where the report is, and return the exit status."""
    parser = argparse.ArgumentParser(prog="taskcat", description=__doc__)
    parser.add_argument("regions", nargs="*", help="regions of the account; without any, an emulator is used")
    regions = parser.parse_args().regions
    try:
        status = run_in_account(FOLDER, regions) if regions else run_on_emulator(FOLDER)
    except (DeployError, LocalCloudError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"taskcat: {error}\n")
        return 1
    report = FOLDER / "report" / "index.html"
    if report.exists():  # there is none when a template is refused before anything is created
        sys.stdout.write(f"The report: {report}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
