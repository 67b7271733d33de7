"""The roles of the workflows may make every call that their commands make.

The calls are those of an environment that is published, planned, applied, looked at for drift and discarded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest

from deploy.apply import apply_plan
from deploy.drift import find_drift
from deploy.environment import Environment
from deploy.plan import discard_label, make_plan
from deploy.publish import publish
from support.bootstrap_rights import missing
from support.deploy_project import REGION, RUNS, Project, silent
from support.tagged_services import TaggedServices

ACTIONS = {"s3:HeadObject": "s3:GetObject", "s3:HeadBucket": "s3:ListBucket"}
"""The action that allows an operation, where it is called otherwise."""

FREE = {"sts:GetCallerIdentity"}
"""What nobody needs a right for."""

STACKS = """
web:
  template: runs.yaml
  service: web
  parameters: {ArtifactBucket: bootstrap.ArtifactBucket}
"""
BUCKET = """
Description: The bucket of packages
Resources:
  Bucket: {Type: AWS::S3::Bucket}
Outputs:
  ArtifactBucket: {Value: !Ref Bucket}
"""


@contextmanager
def recorded() -> Iterator[set[str]]:
    """Collect the actions that this process needs."""
    actions: set[str] = set()

    def before(model: Any, **_: Any) -> None:
        call = f"{model.service_model.service_name}:{model.name}"
        actions.add(ACTIONS.get(call, call))

    def after(http_response: Any, **_: Any) -> None:
        if http_response.status_code == 404:
            actions.add("s3:ListBucket")  # without it a missing object answers "access denied"

    def watch(session: Any) -> None:
        session.register("provide-client-params", before)
        session.register("after-call.s3", after)

    botocore.register_initializer(watch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # a new one is watched
        try:
            yield actions
        finally:
            botocore.unregister_initializer(watch)


@pytest.fixture
def environment(project: Project) -> Environment:
    """An environment of one service, whose packages are in the bucket of a stack that a person made."""
    bootstrap = f"{project.prefix}-bootstrap"
    cloudformation = boto3.client("cloudformation", region_name=REGION)
    cloudformation.create_stack(StackName=bootstrap, TemplateBody=BUCKET)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=bootstrap)
    return project.write(STACKS, f"existing: {{bootstrap: {bootstrap}}}\nversions: {{web: 0.1.0}}\n", runs=RUNS)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    repository = TaggedServices(tmp_path / "repository")
    repository.release("web", "0.1.0", "PAGES = 1\n")
    return repository.path


def test_the_planning_role_may_do_what_plan_discard_and_drift_do(
    project: Project, environment: Environment, repository: Path
) -> None:
    publish(environment, repository, lambda _: None)
    with recorded() as calls:
        first = make_plan(environment, "pr-12")
        make_plan(environment, "pr-12")
        discard_label(environment, "pr-12")
    assert "cloudformation:CreateChangeSet" in calls
    assert missing("PlanRole", calls - FREE) == set()
    assert first.changes_anything
    apply_plan(environment, make_plan(environment), silent)
    with recorded() as calls:
        assert find_drift(environment) == []
        assert not make_plan(environment, "pr-12").changes_anything
    assert "cloudformation:DetectStackDrift" in calls
    assert missing("PlanRole", calls - FREE) == set()


def test_the_deploying_role_may_do_what_publish_and_apply_do(environment: Environment, repository: Path) -> None:
    with recorded() as calls:
        publish(environment, repository, lambda _: None)
        publish(environment, repository, lambda _: None)
    assert {"s3:PutObject", "s3:ListBucket"} <= calls
    assert missing("DeployRole", calls - FREE) == set()
    plan = make_plan(environment)
    with recorded() as calls:
        apply_plan(environment, plan, silent)
    assert "cloudformation:ExecuteChangeSet" in calls
    assert missing("DeployRole", calls - FREE) == set()


def test_the_planning_role_may_neither_execute_nor_delete_nor_upload() -> None:
    forbidden = {"cloudformation:ExecuteChangeSet", "cloudformation:DeleteStack", "s3:PutObject"}
    assert missing("PlanRole", forbidden) == forbidden
    assert missing("DeployRole", forbidden) == set()
