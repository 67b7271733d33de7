"""A plan that does not hold any more: what was edited, changed or deleted since is not overlooked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploy.apply import apply_plan, delete_environment
from deploy.environment import INFRASTRUCTURE, Stack
from deploy.errors import PlanFileError, StackError, StaleError
from deploy.plan import Plan, desired_digest, make_plan
from deploy.status import read_status
from deploy.template import Template
from support.deploy_project import NAME, ONE_STACK, QUEUE, TWO_STACKS, Project, apply, kinds, silent


def test_a_plan_of_another_environment_is_refused(project: Project) -> None:
    environment = project.write(ONE_STACK, queue=QUEUE)
    plan = make_plan(environment)
    with pytest.raises(PlanFileError, match="plan of test"):
        apply_plan(replace(environment, name="production"), plan, silent)


def test_a_plan_is_stale_once_somebody_else_has_changed_the_stack(project: Project) -> None:
    apply(project.write(ONE_STACK, queue=QUEUE))
    planned = project.write(ONE_STACK, "parameters: {queue: {Seconds: 90}}", queue=QUEUE)
    plan = make_plan(planned)
    apply(project.write(ONE_STACK, "parameters: {queue: {Seconds: 120}}", queue=QUEUE))
    with pytest.raises(StaleError, match="plan again"):
        apply_plan(planned, plan, silent)


def test_a_plan_is_stale_once_its_template_was_edited(project: Project) -> None:
    apply(project.write(ONE_STACK, queue=QUEUE))
    plan = make_plan(project.write(ONE_STACK, "parameters: {queue: {Seconds: 90}}", queue=QUEUE))
    edited = project.write(ONE_STACK, "parameters: {queue: {Seconds: 90}}", queue=f"# edited\n{QUEUE}")
    with pytest.raises(StaleError, match="queue: edited"):
        apply_plan(edited, plan, silent)


def test_an_output_that_changes_ends_an_apply_before_the_stack_that_takes_it(project: Project) -> None:
    apply(project.write(TWO_STACKS, queue=QUEUE, name=NAME))
    replaced = QUEUE.replace("Properties: {", f"Properties: {{QueueName: {project.prefix}, ")
    edited = NAME.replace("made by default", "edited")
    environment = project.write(TWO_STACKS, queue=replaced, name=edited)
    assert apply_plan(environment, make_plan(environment), silent) == ("name",)
    apply(environment)
    assert not make_plan(environment).changes_anything


def test_an_output_that_changes_is_passed_on_though_nothing_else_was_planned(project: Project) -> None:
    apply(project.write(TWO_STACKS, queue=QUEUE, name=NAME))
    replaced = QUEUE.replace("Properties: {", f"Properties: {{QueueName: {project.prefix}, ")
    environment = project.write(TWO_STACKS, queue=replaced, name=NAME)
    plan = make_plan(environment)
    assert kinds(plan) == {"queue": "update", "name": "unchanged"}
    assert apply_plan(environment, plan, silent) == ("name",)


def test_a_setting_that_was_edited_since_makes_a_plan_stale(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = make_plan(environment)
    with pytest.raises(StaleError, match="queue: edited"):
        apply_plan(
            project.write(TWO_STACKS, "parameters: {queue: {Seconds: 90}}", queue=QUEUE, name=NAME), plan, silent
        )
    assert {status.status for status in read_status(environment)} == {"REVIEW_IN_PROGRESS", "MISSING"}


def test_a_plan_of_another_region_is_refused(project: Project) -> None:
    environment = project.write(ONE_STACK, queue=QUEUE)
    with pytest.raises(PlanFileError, match="in us-east-1"):
        apply_plan(replace(environment, region="eu-west-1"), make_plan(environment), silent)


def test_a_stack_that_was_deleted_since_is_not_taken_for_unchanged(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    apply(environment)
    plan = make_plan(environment)
    delete_environment(environment, silent)
    with pytest.raises(StaleError, match="queue was deleted since"):
        apply_plan(environment, plan, silent)


def test_a_stack_that_somebody_made_from_another_template_meanwhile_is_not_taken_for_ours(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = make_plan(environment)
    apply(project.write(TWO_STACKS, queue=QUEUE, name=f"# another\n{NAME}"))
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    with pytest.raises(StaleError, match="by somebody else since"):
        apply_plan(environment, plan, silent)


def test_an_output_that_is_gone_although_it_was_planned_with_is_named(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    less = QUEUE.replace("Arn: {Value: !GetAtt Queue.Arn}", "Url: {Value: !Ref Queue}")
    (queue, name) = make_plan(environment).stacks
    apply(project.write(ONE_STACK, queue=less))
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = Plan("test", environment.region, {}, (replace(queue, kind="unchanged"), name))
    with pytest.raises(StackError, match=r"name needs queue\.Arn, which that stack does not have"):
        apply_plan(environment, plan, silent)


def test_another_package_makes_another_desired_state() -> None:
    stack = Stack("web", Template(INFRASTRUCTURE / "templates" / "web.yaml"), "web", {}, {})
    assert desired_digest(stack, {"web": "web/1.zip"}) != desired_digest(stack, {"web": "web/2.zip"})
