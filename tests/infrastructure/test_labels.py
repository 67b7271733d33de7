"""Labels of change sets: a pull request's plans can be found and discarded without touching others."""

import pytest

from deploy.environment import Environment
from deploy.plan import discard_label, make_plan
from support.deploy_project import LONGER, NAME, ONE_STACK, QUEUE, TWO_STACKS, Project


@pytest.fixture
def environment(project: Project) -> Environment:
    """An environment with a queue that does not exist yet."""
    return project.write(ONE_STACK, queue=QUEUE)


def test_a_label_is_the_prefix_of_change_sets(project: Project, environment: Environment) -> None:
    make_plan(project.session, environment, "pr-12")
    make_plan(project.session, environment)
    assert project.change_sets("queue") == ["deploy", "pr-12"]


def test_only_the_given_label_is_discarded(project: Project, environment: Environment) -> None:
    for label in ("pr-1", "pr-1", "pr-12", "pr", "deploy"):
        make_plan(project.session, environment, label)
    discarded = discard_label(project.session, environment, "pr-1")
    assert [name.rpartition("-")[0] for name in discarded] == [f"{project.prefix}-queue: pr-1"] * 2
    assert project.change_sets("queue") == ["deploy", "pr", "pr-12"]
    assert discard_label(project.session, environment, "pr-1") == []


def test_a_label_is_discarded_in_existing_stacks(project: Project, environment: Environment) -> None:
    project.apply(environment)
    environment = project.write(ONE_STACK, LONGER, queue=QUEUE)
    make_plan(project.session, environment, "pr-12")
    assert len(discard_label(project.session, environment, "pr-12")) == 1
    assert "pr-12" not in project.change_sets("queue")


def test_a_label_is_discarded_in_stacks_that_only_the_pull_request_has(project: Project) -> None:
    make_plan(project.session, project.write(TWO_STACKS, queue=QUEUE, name=NAME), "pr-12")
    without = project.write("name: {template: name.yaml}\n", "parameters: {name: {Value: x}}\n", name=NAME)
    assert len(discard_label(project.session, without, "pr-12")) == 1
    assert project.change_sets("queue") == []
