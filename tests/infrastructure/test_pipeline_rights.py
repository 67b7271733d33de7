"""The roles of the workflows allow every AWS call of their commands.

The tests record the calls of publish, plan, apply, drift and discard.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.drift import find_drift
from deploy.environment import Environment
from deploy.plan import discard_label, make_plan
from deploy.publish import publish
from local_cloud.session import EmulatorSession
from support import versioned_project
from support.bootstrap_rights import missing
from support.deploy_project import RUNS, SERVICE, Project

ACTIONS = {"s3:HeadObject": "s3:GetObject", "s3:HeadBucket": "s3:ListBucket"}
"""The action that allows an operation, if its name differs."""

FREE = {"sts:GetCallerIdentity"}
"""Operations that need no permission."""

BUCKET = """
Description: The bucket of packages
Resources:
  Bucket: {Type: AWS::S3::Bucket}
Outputs:
  ArtifactBucket: {Value: !Ref Bucket}
"""


@contextmanager
def recorded(session: EmulatorSession) -> Iterator[set[str]]:
    """Collect the actions that the calls of a session need."""
    actions: set[str] = set()

    def before(model: Any, **_: Any) -> None:
        call = f"{model.service_model.service_name}:{model.name}"
        actions.add(ACTIONS.get(call, call))

    def after(http_response: Any, **_: Any) -> None:
        if http_response.status_code == 404:
            actions.add("s3:ListBucket")  # without it a missing object answers "access denied"

    session.events.register("provide-client-params", before)
    session.events.register("after-call.s3", after)
    yield actions
    session.events.unregister("provide-client-params", before)
    session.events.unregister("after-call.s3", after)


@pytest.fixture
def environment(session: EmulatorSession, project: Project) -> Environment:
    """An environment with one service, whose packages are in the bucket of an existing stack."""
    bootstrap = f"{project.prefix}-bootstrap"
    cloudformation = session.client("cloudformation")
    cloudformation.create_stack(StackName=bootstrap, TemplateBody=BUCKET)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=bootstrap)
    return project.write(SERVICE, f"existing: {{bootstrap: {bootstrap}}}\nversions: {{web: 0.1.0}}\n", runs=RUNS)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    repository = versioned_project.Project.empty(tmp_path / "repository")
    repository.tag_service("web", "0.1.0", "PAGES = 1\n")
    return repository.path


def test_the_plan_role_allows_plan_discard_and_drift(
    session: EmulatorSession, project: Project, environment: Environment, repository: Path
) -> None:
    publish(session, environment, repository, lambda _: None)
    with recorded(session) as calls:
        first = make_plan(session, environment, "pr-12")
        make_plan(session, environment, "pr-12")
        discard_label(session, environment, "pr-12")
    assert "cloudformation:CreateChangeSet" in calls
    assert missing("PlanRole", calls - FREE) == set()
    assert first.changes_anything
    project.apply(environment)
    with recorded(session) as calls:
        assert find_drift(session, environment) == []
        assert not make_plan(session, environment, "pr-12").changes_anything
    assert "cloudformation:DetectStackDrift" in calls
    assert missing("PlanRole", calls - FREE) == set()


def test_the_deploy_role_allows_publish_and_apply(
    session: EmulatorSession, project: Project, environment: Environment, repository: Path
) -> None:
    with recorded(session) as calls:
        for _ in range(2):
            publish(session, environment, repository, lambda _: None)
    assert {"s3:PutObject", "s3:ListBucket"} <= calls
    assert missing("DeployRole", calls - FREE) == set()
    plan = project.plan(environment)
    with recorded(session) as calls:
        project.apply_plan(environment, plan)
    assert "cloudformation:ExecuteChangeSet" in calls
    assert missing("DeployRole", calls - FREE) == set()


def test_the_plan_role_does_not_allow_execute_delete_or_upload() -> None:
    forbidden = {"cloudformation:ExecuteChangeSet", "cloudformation:DeleteStack", "s3:PutObject"}
    assert missing("PlanRole", forbidden) == forbidden
    assert missing("DeployRole", forbidden) == set()
