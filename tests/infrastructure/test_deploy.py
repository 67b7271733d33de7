"""The deploy command on an emulated account: what it plans, what it executes, what it refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import requests

from deploy.apply import apply_plan, delete_environment, deploy, environment_outputs, only_one
from deploy.change_set import make_change_set
from deploy.drift import find_drift
from deploy.errors import BusyError, PlanFileError, StackError
from deploy.plan import PlannedStack, check_progress, make_plan
from deploy.plan_file import load_plan, save_plan
from deploy.stack import Event, find_stack, wait_until_settled
from deploy.status import read_status
from support.deploy_project import NAME, ONE_STACK, QUEUE, TWO_STACKS, Project, apply, kinds, silent

TWICE = """
  First: {Type: AWS::SSM::Parameter, Properties: {Name: /taken, Type: String, Value: x}}
  Second: {Type: AWS::SSM::Parameter, DependsOn: First, Properties: {Name: /taken, Type: String, Value: x}}
"""
SLOW = """
Description: A stack that waits for somebody
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: "60"}
"""


def test_a_new_environment_is_created_by_one_apply(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = make_plan(environment)
    assert kinds(plan) == {"queue": "create", "name": "create later"}
    assert apply_plan(environment, plan, silent) == ()
    outputs = environment_outputs(environment)
    value = boto3.client("ssm").get_parameter(Name=outputs["name"]["Name"])["Parameter"].get("Value")
    assert value == outputs["queue"]["Arn"]


def test_what_is_as_it_should_be_is_not_planned(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    apply(environment)
    plan = make_plan(environment)
    assert kinds(plan) == {"queue": "unchanged", "name": "unchanged"}
    assert not plan.changes_anything


def test_a_plan_names_each_change_and_its_properties(project: Project) -> None:
    apply(project.write(ONE_STACK, queue=QUEUE))
    (stack,) = make_plan(project.write(ONE_STACK, "parameters: {queue: {Seconds: 90}}", queue=QUEUE)).stacks
    (change,) = stack.changes
    assert (stack.kind, change.action, change.logical_id, change.replacement) == ("update", "Modify", "Queue", "no")
    assert change.properties == ("MessageRetentionPeriod",)


def test_planning_changes_nothing(project: Project) -> None:
    apply(project.write(ONE_STACK, queue=QUEUE))
    environment = project.write(ONE_STACK, "parameters: {queue: {Seconds: 90}}", queue=QUEUE)
    before = read_status(environment)
    make_plan(environment)
    assert read_status(environment) == before


def test_a_plan_survives_its_file(project: Project, tmp_path: Path) -> None:
    plan = make_plan(project.write(TWO_STACKS, queue=QUEUE, name=NAME))
    save_plan(plan, tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json") == plan


@pytest.mark.parametrize(("content", "words"), [(None, "there is no plan"), ("{", "not a plan"), ("{}", "not a plan")])
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(PlanFileError, match=words):
        load_plan(path)


def test_a_stack_that_needs_a_new_output_waits_for_another_plan(project: Project) -> None:
    apply(project.write(TWO_STACKS, queue=QUEUE, name=NAME))
    more = QUEUE.replace("Arn: {Value: !GetAtt Queue.Arn}", "Url: {Value: !Ref Queue}")
    environment = project.write(
        TWO_STACKS.replace("queue.Arn", "queue.Url"), "parameters: {queue: {Seconds: 90}}", queue=more, name=NAME
    )
    plan = make_plan(environment)
    assert kinds(plan) == {"queue": "update", "name": "plan again"}
    assert apply_plan(environment, plan, silent) == ("name",)
    deploy(environment, silent)
    assert not make_plan(environment).changes_anything


def test_a_plan_that_was_only_looked_at_is_planned_anew(project: Project) -> None:
    environment = project.write(ONE_STACK, queue=QUEUE)
    make_plan(environment)
    current = find_stack(boto3.client("cloudformation"), environment.stack_name("queue"))
    assert current is not None
    assert current.status == "REVIEW_IN_PROGRESS"
    assert apply(environment) == ["queue: created"]


def test_a_failed_creation_is_cleared_away_by_the_next_apply(project: Project) -> None:
    with pytest.raises(StackError, match="Second"):
        apply(project.write(ONE_STACK, queue=QUEUE.replace("Outputs:", f"{TWICE}Outputs:")))
    environment = project.write(ONE_STACK, queue=QUEUE)
    assert kinds(make_plan(environment)) == {"queue": "create later"}
    assert apply(environment) == ["queue: created"]


def test_a_failed_update_is_rolled_back_and_names_the_first_cause(project: Project) -> None:
    apply(project.write(ONE_STACK, queue=QUEUE))
    broken = QUEUE.replace("Outputs:", f"{TWICE}Outputs:")
    environment = project.write(ONE_STACK, "parameters: {queue: {Seconds: 90}}", queue=broken)
    with pytest.raises(StackError, match=r"Second \(AWS::SSM::Parameter\)"):
        apply(environment)
    (status,) = read_status(environment)
    assert status.status == "UPDATE_ROLLBACK_COMPLETE"
    assert apply(project.write(ONE_STACK, "parameters: {queue: {Seconds: 90}}", queue=QUEUE)) == ["queue: updated"]


def test_a_template_that_is_refused_names_its_stack(project: Project) -> None:
    with pytest.raises(StackError, match="-queue: "):
        make_plan(project.write(ONE_STACK, "parameters: {queue: {Seconds: soon}}", queue=QUEUE))


def test_a_large_change_set_is_read_to_its_end(project: Project) -> None:
    names = "".join(
        f"  Name{n}: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: x}}}}\n" for n in range(130)
    )
    environment = project.write("names: {template: names.yaml}", names=f"Description: Many\nResources:\n{names}")
    (stack,) = make_plan(environment).stacks
    assert len(stack.changes) == 130


def test_progress_is_told_while_a_stack_works(project: Project) -> None:
    events: list[Event] = []
    apply(project.write(ONE_STACK, queue=QUEUE), events.append)
    assert [event.status for event in events if event.logical_id == "Queue"][-1] == "CREATE_COMPLETE"
    assert len({(event.logical_id, event.status) for event in events}) == len(events), "each event is told once"


def test_an_apply_that_was_interrupted_is_taken_up_again(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = make_plan(environment)

    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_plan(environment, plan, silent, interrupt)
    assert apply_plan(environment, plan, silent) == ()
    assert not make_plan(environment).changes_anything


def test_an_apply_that_is_done_does_nothing_when_repeated(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = make_plan(environment)
    apply_plan(environment, plan, silent)
    lines: list[str] = []
    apply_plan(environment, plan, lines.append)
    assert lines == ["queue: was done already", "name: was done already"]


@contextmanager
def working_on(name: str) -> Iterator[None]:
    """Create the slow stack as somebody else would, and let it be done after the block."""
    cloudformation = boto3.client("cloudformation")
    change_set = make_change_set(cloudformation, name, SLOW, {}, create=True)
    assert change_set is not None
    cloudformation.execute_change_set(ChangeSetName=change_set.arn)
    yield
    handle = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="Handle")["StackResourceDetail"]
    go_on = {"Status": "SUCCESS", "UniqueId": "1", "Data": "", "Reason": ""}
    requests.put(handle["PhysicalResourceId"], json.dumps(go_on).encode(), timeout=5).raise_for_status()
    wait_until_settled(cloudformation, name)


def test_a_stack_that_somebody_else_changes_is_left_alone(project: Project) -> None:
    environment = project.write("slow: {template: slow.yaml}", slow=SLOW)
    plan = make_plan(environment)
    with working_on(environment.stack_name("slow")):
        for attempt in (lambda: make_plan(environment), lambda: apply_plan(environment, plan, silent)):
            with pytest.raises(BusyError, match="being changed"):
                attempt()


def test_a_second_process_on_this_machine_is_told_about_the_first(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with only_one("staging", tmp_path):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(10)
    with pytest.raises(BusyError, match="another process"), only_one("staging", tmp_path):
        pass
    leave.set()
    thread.join()


def test_what_was_changed_by_hand_is_drift(project: Project) -> None:
    environment = project.write(ONE_STACK, "parameters: {queue: {Seconds: 90}}", queue=QUEUE)
    apply(environment)
    assert find_drift(environment) == []
    sqs = boto3.client("sqs")
    name = environment_outputs(environment)["queue"]["Arn"].rpartition(":")[2]
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "120"})
    (drift,) = find_drift(environment)
    assert (drift.stack, drift.logical_id, drift.status) == ("queue", "Queue", "MODIFIED")
    assert "MessageRetentionPeriod" in drift.differences[0]


def test_a_plan_that_waits_for_what_will_never_come_is_refused(project: Project) -> None:
    stack = PlannedStack("name", "plan again", "", waits_for=("queue.Arn",))
    with pytest.raises(StackError, match="lacks although nothing in it changes"):
        check_progress([PlannedStack("queue", "unchanged", ""), stack])


def test_a_stack_that_nobody_wants_any_more_is_shown(project: Project) -> None:
    apply(project.write(TWO_STACKS, queue=QUEUE, name=NAME))
    plan = make_plan(project.write(ONE_STACK, queue=QUEUE))
    assert plan.left_over == (f"{project.prefix}-name",)


def test_a_plan_that_fails_leaves_no_change_set_behind(project: Project) -> None:
    environment = project.write(
        "queue: {template: queue.yaml}\nother: {template: other.yaml}",
        queue=QUEUE,
        other=NAME.replace("  Value: {Type: String}\n", "  Value: {Type: Number, Default: x}\n"),
    )
    for _ in range(2):
        with pytest.raises(StackError, match="-other: "):
            make_plan(environment)
    sets = boto3.client("cloudformation").list_change_sets(StackName=environment.stack_name("queue"))["Summaries"]
    assert sets == []


def test_a_plan_that_fails_at_its_end_leaves_no_change_set_behind_either(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = project.write(ONE_STACK, queue=QUEUE)

    def refuse(*_: object) -> list[str]:
        raise StackError("no right to list stacks")

    monkeypatch.setattr("deploy.plan.stack_names", refuse)
    with pytest.raises(StackError, match="no right"):
        make_plan(environment)
    sets = boto3.client("cloudformation").list_change_sets(StackName=environment.stack_name("queue"))["Summaries"]
    assert sets == []


def test_an_environment_that_somebody_works_on_is_not_deleted(project: Project) -> None:
    environment = project.write("slow: {template: slow.yaml}", slow=SLOW)
    with working_on(environment.stack_name("slow")), pytest.raises(BusyError, match="nothing was deleted"):
        delete_environment(environment, silent)
    assert [status.status for status in read_status(environment)] == ["CREATE_COMPLETE"]


def test_cloudformation_works_with_the_role_that_the_environment_names(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, roles = boto3.Session(), []

    def look(params: dict[str, str], **_: object) -> None:
        roles.append(params.get("RoleARN"))

    session.events.register("provide-client-params.cloudformation.CreateChangeSet", look)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    role = "arn:aws:iam::000000000000:role/execution"
    settings = f"provided: {{bootstrap: {{Role: '{role}'}}}}\nexecution_role: bootstrap.Role"
    apply(project.write(TWO_STACKS, settings, queue=QUEUE, name=NAME))
    assert roles == [role, role]


def test_a_role_that_does_not_exist_is_named(project: Project) -> None:
    environment = project.write(ONE_STACK, "execution_role: bootstrap.Role", queue=QUEUE)
    with pytest.raises(StackError, match=r"test\.yaml: execution_role takes bootstrap\.Role"):
        make_plan(environment)


def test_an_environment_is_deleted_from_its_end(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    apply(environment)
    lines: list[str] = []
    delete_environment(environment, lines.append)
    assert lines == ["name: deleted", "queue: deleted"]
    assert {status.status for status in read_status(environment)} == {"MISSING"}
