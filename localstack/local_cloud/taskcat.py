"""The command `taskcat`: creates the whole environment as one nested stack in several regions, and deletes it again.

Without regions it starts an emulator and needs no network: databases are MariaDB servers and functions are processes,
so the schema is really migrated. With regions it uses the account of the credentials in the environment.
https://aws-ia.github.io/taskcat/
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from deploy.apply import PROTECTION
from deploy.environment import FROM_PACKAGE, INFRASTRUCTURE, Environment, Platform, load_environment
from deploy.errors import StackError
from deploy.package import Package, package
from deploy.render import ROOT, render
from local_cloud import LocalCloudError
from local_cloud.emulator import REGION, client_environ
from local_cloud.ministack import MiniStack
from local_cloud.session import EmulatorSession
from local_cloud.taskcat_region import ARTIFACT_BUCKET, STACK, TaskcatRegion
from servers import REPOSITORY
from servers.ports import free_ports

PYTHON = REPOSITORY / ".local" / "venv" / "taskcat" / "bin" / "python"
LAUNCHER = REPOSITORY / "infrastructure" / "tools" / "checks" / "taskcat_offline.py"
FOLDER = REPOSITORY / ".local" / "taskcat"

ENVIRONMENT = "staging"
REGIONS = ("us-east-1", "eu-central-1")
PROJECT = "gallery"
TEMPLATES = "templates"
IMAGE_BUCKET = "gallery-taskcat-{account}-{region}"


def run_on_emulator(folder: Path, infrastructure: Path = INFRASTRUCTURE) -> int:
    """Create and delete the environment in two regions of an emulator.

    Args:
        folder: of all files, with the report in `report/`; files of an earlier run are deleted.
        infrastructure: holds stacks.yaml, the templates and the environments.

    Returns:
        The exit status of taskcat, which prints what failed.

    Raises:
        DeployError: the environment cannot be rendered, packaged or deleted.
        ServerError: the emulator does not start.
    """
    (port,) = free_ports(1)
    emulator = MiniStack(folder / "cloud", port, {}, databases=True)
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

    Arguments and result are those of `run_on_emulator`. Only one run at a time: resources of an interrupted run are
    deleted first. AWS_ENDPOINT_URL names an emulator instead, as everywhere; it runs packages of this machine.

    Raises:
        DeployError: the environment cannot be rendered, packaged or deleted, or another run is in progress.
        LocalCloudError: a region is unknown.
        BotoCoreError, ClientError: AWS cannot be reached, or refuses something.
    """
    session = boto3.Session()
    known = session.get_available_regions("cloudformation")
    if unknown := [region for region in regions if region not in known]:
        raise LocalCloudError(f"unknown region {unknown[0]!r}; REGIONS are names such as eu-central-1")
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
    with ThreadPoolExecutor() as pool:  # the deletion of a stack takes a quarter of an hour
        try:
            list(pool.map(lambda place: place.prepare(packages, _report), places))
            status = _taskcat(project, folder / "report", look_seconds, environ)
            for place in places if status else ():
                for cause in place.failures():
                    _report(cause)
        finally:
            if left := list(filter(None, pool.map(_clear, places))):
                raise StackError("Some resources could not be deleted; the next run tries again:\n" + "\n".join(left))
    return status


def _clear(place: TaskcatRegion) -> str:
    """Delete everything in a region; return the error, or "" on success."""
    try:
        place.clear(_report)
    except (StackError, BotoCoreError, ClientError) as error:
        return f"{place.name}: {error}"
    return ""


def _unprotected(environment: Environment) -> Environment:
    """Return the environment without deletion protection, so that its stacks can be deleted."""
    stacks = (
        replace(stack, parameters={**stack.parameters, PROTECTION: "false"})
        if PROTECTION in stack.template.parameters
        else stack
        for stack in environment.stacks
    )
    return replace(environment, stacks=tuple(stacks))


def _render(environment: Environment, folder: Path) -> None:
    """Write the templates, changed so that every resource is deleted with its stack."""
    render(environment, folder)
    for template in folder.glob("*.yaml"):
        text = template.read_text(encoding="utf-8")
        kept = re.sub(r"\bDeletionPolicy: (?:Retain(?:ExceptOnCreate)?|Snapshot)\b", "DeletionPolicy: Delete", text)
        template.write_text(kept, encoding="utf-8")


def _settings(packages: Mapping[str, Package], regions: Sequence[str], account: str) -> dict[str, Any]:
    """Return the content of .taskcat.yml: https://aws-ia.github.io/taskcat/docs/schema/taskcat_schema/."""
    region = "$[taskcat_current_region]"
    bucket = "$[taskcat_autobucket]"  # the one of TaskcatRegion: its name consists of `s3_bucket` and the region
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
    """Run taskcat without deletion, because it cannot delete buckets that are not empty."""
    command = [
        *(str(PYTHON), "-W", "ignore::UserWarning"),  # taskcat still uses pkg_resources
        *(str(LAUNCHER), str(look_seconds)),
        *("test", "run", "--project-root", str(project), "--output-directory", str(report)),
        *("--no-delete", "--minimal-output"),
    ]
    environ = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=project, env=environ, check=False).returncode


def _report(line: str) -> None:
    click.echo(line, err=True)


@click.command
@click.argument("regions", nargs=-1)
def taskcat(regions: Sequence[str]) -> None:
    """Create the whole environment in two regions of an emulator, or in REGIONS of your account, and delete it."""
    try:
        status = run_in_account(FOLDER, regions) if regions else run_on_emulator(FOLDER)
    except (BotoCoreError, ClientError) as error:
        raise LocalCloudError(str(error)) from error
    report = FOLDER / "report" / "index.html"
    if report.exists():  # not if a template is refused before anything is created
        click.echo(f"The report: {report}")
    raise SystemExit(status)
