"""Change sets with a label: a pull request's plans are found again, and touch nobody else's."""

from __future__ import annotations

import boto3
import pytest

from deploy.environment import Environment
from deploy.errors import StackError
from deploy.plan import discard_label, make_plan
from support.deploy_project import NAME, ONE_STACK, QUEUE, TWO_STACKS, Project, apply


def change_sets(project: Project, stack: str = "queue") -> list[str]:
    """Return the labels of the change sets of a stack."""
    found = boto3.client("cloudformation").list_change_sets(StackName=f"{project.prefix}-{stack}")["Summaries"]
    return sorted(summary["ChangeSetName"].rpartition("-")[0] for summary in found)


@pytest.fixture
def environment(project: Project) -> Environment:
    """Want a queue that does not exist yet."""
    return project.write(ONE_STACK, queue=QUEUE)


def test_a_label_begins_the_names_of_change_sets(project: Project, environment: Environment) -> None:
    make_plan(environment, "pr-12")
    make_plan(environment)
    assert change_sets(project) == ["deploy", "pr-12"]


def test_a_label_is_discarded_and_no_other(project: Project, environment: Environment) -> None:
    for label in ("pr-1", "pr-1", "pr-12", "pr", "deploy"):
        make_plan(environment, label)
    assert [name.rpartition("-")[0] for name in discard_label(environment, "pr-1")] == [
        f"{project.prefix}-queue: pr-1",
        f"{project.prefix}-queue: pr-1",
    ]
    assert change_sets(project) == ["deploy", "pr", "pr-12"]
    assert discard_label(environment, "pr-1") == []


def test_a_label_is_discarded_in_stacks_that_exist(project: Project, environment: Environment) -> None:
    apply(environment)
    environment = project.write(ONE_STACK, "parameters: {queue: {Seconds: 90}}\n", queue=QUEUE)
    make_plan(environment, "pr-12")
    assert len(discard_label(environment, "pr-12")) == 1
    assert "pr-12" not in change_sets(project)


def test_a_label_is_discarded_in_stacks_that_only_the_pull_request_has(project: Project) -> None:
    make_plan(project.write(TWO_STACKS, queue=QUEUE, name=NAME), "pr-12")
    without = project.write("name: {template: name.yaml}\n", "parameters: {name: {Value: x}}\n", name=NAME)
    assert len(discard_label(without, "pr-12")) == 1
    assert change_sets(project) == []


def test_a_plan_that_fails_leaves_no_change_set_of_its_label(project: Project) -> None:
    broken = NAME.replace("AWS::SSM::Parameter", "AWS::Nothing::AtAll")
    environment = project.write(
        "queue: {template: queue.yaml}\nname: {template: name.yaml}\n",
        "parameters: {name: {Value: x}}\n",
        queue=QUEUE,
        name=broken,
    )
    with pytest.raises(StackError):
        make_plan(environment, "pr-12")
    assert change_sets(project) == []
