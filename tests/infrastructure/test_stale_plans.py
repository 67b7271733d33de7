"""Stale plans: what was edited, changed or deleted after the plan is detected."""

from dataclasses import replace

import pytest

from deploy.apply import delete_environment
from deploy.environment import INFRASTRUCTURE, Stack
from deploy.errors import PlanFileError, StackError, StaleError
from deploy.plan import Plan, desired_digest
from deploy.template import Template
from support.deploy_project import LONGER, NAME, ONE_STACK, QUEUE, TWO_STACKS, Project, kinds, silent


@pytest.mark.parametrize(
    ("other", "message"), [({"name": "production"}, "plan of test"), ({"region": "eu-west-1"}, "in us-east-1")]
)
def test_a_plan_of_another_environment_or_region_is_refused(
    project: Project, other: dict[str, str], message: str
) -> None:
    environment = project.write(ONE_STACK, queue=QUEUE)
    with pytest.raises(PlanFileError, match=message):
        project.apply_plan(replace(environment, **other), project.plan(environment))  # type: ignore[arg-type]


def test_a_plan_is_stale_after_another_change_of_its_stack(project: Project) -> None:
    project.apply(project.write(ONE_STACK, queue=QUEUE))
    planned = project.write(ONE_STACK, LONGER, queue=QUEUE)
    plan = project.plan(planned)
    project.apply(project.write(ONE_STACK, "parameters: {queue: {Seconds: 120}}", queue=QUEUE))
    with pytest.raises(StaleError, match="plan again"):
        project.apply_plan(planned, plan)


def test_a_plan_is_stale_after_an_edit_of_its_template(project: Project) -> None:
    project.apply(project.write(ONE_STACK, queue=QUEUE))
    plan = project.plan(project.write(ONE_STACK, LONGER, queue=QUEUE))
    with pytest.raises(StaleError, match="queue: edited"):
        project.apply_plan(project.write(ONE_STACK, LONGER, queue=f"# edited\n{QUEUE}"), plan)


def test_a_plan_is_stale_after_an_edit_of_a_parameter(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = project.plan(environment)
    with pytest.raises(StaleError, match="queue: edited"):
        project.apply_plan(project.write(TWO_STACKS, LONGER, queue=QUEUE, name=NAME), plan)
    assert set(project.statuses(environment).values()) == {"REVIEW_IN_PROGRESS", "MISSING"}


@pytest.mark.parametrize(("name", "kind"), [(NAME, "unchanged"), (NAME.replace("by default", "edited"), "update")])
def test_an_apply_stops_before_a_stack_whose_input_changed(project: Project, name: str, kind: str) -> None:
    project.apply(project.write(TWO_STACKS, queue=QUEUE, name=NAME))
    replaced = QUEUE.replace("Properties: {", f"Properties: {{QueueName: {project.prefix}, ")
    environment = project.write(TWO_STACKS, queue=replaced, name=name)
    plan = project.plan(environment)
    assert kinds(plan) == {"queue": "update", "name": kind}
    assert project.apply_plan(environment, plan) == ("name",)
    project.apply(environment)
    assert not project.plan(environment).changes_anything


def test_a_plan_is_stale_after_its_stack_was_deleted(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    project.apply(environment)
    plan = project.plan(environment)
    delete_environment(project.session, environment, silent)
    with pytest.raises(StaleError, match="queue was deleted after the plan"):
        project.apply_plan(environment, plan)


def test_a_plan_is_stale_after_another_process_created_its_stack(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = project.plan(environment)
    project.apply(project.write(TWO_STACKS, queue=QUEUE, name=f"# another\n{NAME}"))
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    with pytest.raises(StaleError, match="created by another process"):
        project.apply_plan(environment, plan)


def test_an_output_that_disappeared_after_the_plan_is_reported(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    less = QUEUE.replace("Arn: {Value: !GetAtt Queue.Arn}", "Url: {Value: !Ref Queue}")
    (queue, name) = project.plan(environment).stacks
    project.apply(project.write(ONE_STACK, queue=less))
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = Plan("test", environment.region, {}, (replace(queue, kind="unchanged"), name))
    with pytest.raises(StackError, match=r"name needs queue\.Arn, which that stack does not have"):
        project.apply_plan(environment, plan)


def test_another_package_is_another_desired_state() -> None:
    stack = Stack("web", Template(INFRASTRUCTURE / "templates" / "web.yaml"), "web", {}, {})
    assert desired_digest(stack, {"web": "web/1.zip"}) != desired_digest(stack, {"web": "web/2.zip"})
