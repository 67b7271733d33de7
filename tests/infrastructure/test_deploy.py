"""The deploy tool on an emulated account: planning, applying, refusing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import requests

from deploy.apply import apply_plan, delete_environment, deploy
from deploy.change_set import make_change_set
from deploy.drift import find_drift
from deploy.environment_lock import environment_lock
from deploy.errors import BusyError, PlanFileError, StackError
from deploy.outputs import environment_outputs
from deploy.plan import PlannedStack, check_progress, make_plan
from deploy.plan_file import load_plan, save_plan
from deploy.stack import Event, wait_until_settled
from local_cloud.session import EmulatorSession
from support.deploy_project import LONGER, NAME, ONE_STACK, QUEUE, TWO_STACKS, Project, kinds, silent

DUPLICATE_NAMES = """
  First: {Type: AWS::SSM::Parameter, Properties: {Name: /taken, Type: String, Value: x}}
  Second: {Type: AWS::SSM::Parameter, DependsOn: First, Properties: {Name: /taken, Type: String, Value: x}}
"""
BROKEN = QUEUE.replace("Outputs:", f"{DUPLICATE_NAMES}Outputs:")
SLOW = """
Description: A stack that waits for a signal
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: "60"}
"""


def test_one_apply_creates_a_new_environment(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = project.plan(environment)
    assert kinds(plan) == {"queue": "create", "name": "create later"}
    assert project.apply_plan(environment, plan) == ()
    outputs = environment_outputs(project.session, environment)
    parameter = project.session.client("ssm").get_parameter(Name=outputs["name"]["Name"])["Parameter"]
    assert parameter.get("Value") == outputs["queue"]["Arn"]
    plan = project.plan(environment)
    assert kinds(plan) == {"queue": "unchanged", "name": "unchanged"}
    assert not plan.changes_anything


def test_a_plan_lists_each_change_with_its_properties_and_changes_nothing(project: Project) -> None:
    project.apply(project.write(ONE_STACK, queue=QUEUE))
    environment = project.write(ONE_STACK, LONGER, queue=QUEUE)
    before = project.statuses(environment)
    (stack,) = project.plan(environment).stacks
    (change,) = stack.changes
    assert (stack.kind, change.action, change.logical_id, change.replacement) == ("update", "Modify", "Queue", "no")
    assert change.properties == ("MessageRetentionPeriod",)
    assert project.statuses(environment) == before


def test_a_plan_file_contains_the_complete_plan(project: Project, tmp_path: Path) -> None:
    plan = project.plan(project.write(TWO_STACKS, queue=QUEUE, name=NAME))
    save_plan(plan, tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json") == plan


@pytest.mark.parametrize(("content", "message"), [(None, "no plan at"), ("{", "not a plan"), ("{}", "not a plan")])
def test_an_invalid_plan_file_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(PlanFileError, match=message):
        load_plan(path)


def test_a_stack_that_needs_a_new_output_needs_another_plan(project: Project) -> None:
    project.apply(project.write(TWO_STACKS, queue=QUEUE, name=NAME))
    more = QUEUE.replace("Arn: {Value: !GetAtt Queue.Arn}", "Url: {Value: !Ref Queue}")
    environment = project.write(TWO_STACKS.replace("queue.Arn", "queue.Url"), LONGER, queue=more, name=NAME)
    plan = project.plan(environment)
    assert kinds(plan) == {"queue": "update", "name": "plan again"}
    assert project.apply_plan(environment, plan) == ("name",)
    deploy(project.session, environment, silent)
    assert not project.plan(environment).changes_anything


def test_a_stack_that_was_only_planned_can_be_planned_again(project: Project) -> None:
    environment = project.write(ONE_STACK, queue=QUEUE)
    project.plan(environment)
    assert project.statuses(environment) == {"queue": "REVIEW_IN_PROGRESS"}
    assert project.apply(environment) == ["queue: created"]


def test_the_next_apply_replaces_a_stack_whose_creation_failed(project: Project) -> None:
    with pytest.raises(StackError, match="Second"):
        project.apply(project.write(ONE_STACK, queue=BROKEN))
    environment = project.write(ONE_STACK, queue=QUEUE)
    assert kinds(project.plan(environment)) == {"queue": "create later"}
    assert project.apply(environment) == ["queue: created"]


def test_a_failed_update_is_rolled_back_and_reports_the_root_cause(project: Project) -> None:
    project.apply(project.write(ONE_STACK, queue=QUEUE))
    environment = project.write(ONE_STACK, LONGER, queue=BROKEN)
    with pytest.raises(StackError, match=r"Second \(AWS::SSM::Parameter\)"):
        project.apply(environment)
    assert project.statuses(environment) == {"queue": "UPDATE_ROLLBACK_COMPLETE"}
    assert project.apply(project.write(ONE_STACK, LONGER, queue=QUEUE)) == ["queue: updated"]


def test_a_rejected_template_reports_its_stack(project: Project) -> None:
    with pytest.raises(StackError, match="-queue: "):
        project.plan(project.write(ONE_STACK, "parameters: {queue: {Seconds: soon}}", queue=QUEUE))


def test_a_large_change_set_is_read_completely(project: Project) -> None:
    names = "".join(
        f"  Name{n}: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: x}}}}\n" for n in range(130)
    )
    environment = project.write("names: {template: names.yaml}", names=f"Description: Many\nResources:\n{names}")
    (stack,) = project.plan(environment).stacks
    assert len(stack.changes) == 130


def test_each_event_of_an_apply_is_reported_once(project: Project) -> None:
    events: list[Event] = []
    project.apply(project.write(ONE_STACK, queue=QUEUE), events.append)
    assert [event.status for event in events if event.logical_id == "Queue"][-1] == "CREATE_COMPLETE"
    assert len({(event.logical_id, event.status) for event in events}) == len(events)


def test_an_interrupted_apply_can_be_resumed(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = project.plan(environment)

    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_plan(project.session, environment, plan, silent, interrupt)
    assert project.apply_plan(environment, plan) == ()
    assert not project.plan(environment).changes_anything


def test_apply_is_idempotent(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    plan = project.plan(environment)
    project.apply_plan(environment, plan)
    lines: list[str] = []
    apply_plan(project.session, environment, plan, lines.append)
    assert lines == ["queue: already done", "name: already done"]


@contextmanager
def being_changed(session: boto3.Session, name: str) -> Iterator[None]:
    """Create the slow stack as another process would, and finish it after the block."""
    cloudformation = session.client("cloudformation")
    change_set = make_change_set(cloudformation, name, SLOW, {}, create=True)
    assert change_set is not None
    cloudformation.execute_change_set(ChangeSetName=change_set.arn)
    yield
    handle = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="Handle")["StackResourceDetail"]
    signal = {"Status": "SUCCESS", "UniqueId": "1", "Data": "", "Reason": ""}
    requests.put(handle["PhysicalResourceId"], json.dumps(signal).encode(), timeout=5).raise_for_status()
    wait_until_settled(cloudformation, name)


def test_a_stack_that_another_process_changes_is_not_planned_or_applied(project: Project) -> None:
    environment = project.write("slow: {template: slow.yaml}", slow=SLOW)
    plan = project.plan(environment)
    with being_changed(project.session, environment.stack_name("slow")):
        for attempt in (lambda: project.plan(environment), lambda: project.apply_plan(environment, plan)):
            with pytest.raises(BusyError, match="being changed"):
                attempt()


def test_a_second_process_on_this_machine_does_not_get_the_environment_lock(tmp_path: Path) -> None:
    with environment_lock("staging", tmp_path):  # the lock belongs to the opened file, not to the process
        with pytest.raises(BusyError, match="another process"), environment_lock("staging", tmp_path):
            pass
        with environment_lock("production", tmp_path):
            pass


def test_a_manual_change_is_drift(project: Project) -> None:
    environment = project.write(ONE_STACK, LONGER, queue=QUEUE)
    project.apply(environment)
    assert find_drift(project.session, environment) == []
    sqs = project.session.client("sqs")
    name = environment_outputs(project.session, environment)["queue"]["Arn"].rpartition(":")[2]
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "120"})
    (drift,) = find_drift(project.session, environment)
    assert (drift.stack, drift.logical_id, drift.status) == ("queue", "Queue", "MODIFIED")
    assert "MessageRetentionPeriod" in drift.differences[0]


def test_a_plan_that_waits_for_an_output_that_nothing_creates_is_refused(project: Project) -> None:
    stack = PlannedStack("name", "plan again", "", waits_for=("queue.Arn",))
    with pytest.raises(StackError, match="no planned change creates it"):
        check_progress([PlannedStack("queue", "unchanged", ""), stack])


def test_a_plan_lists_orphaned_stacks(project: Project) -> None:
    project.apply(project.write(TWO_STACKS, queue=QUEUE, name=NAME))
    plan = project.plan(project.write(ONE_STACK, queue=QUEUE))
    assert plan.orphaned == (f"{project.prefix}-name",)


@pytest.mark.parametrize("label", ["deploy", "pr-12"])
@pytest.mark.parametrize(
    ("right", "wrong"),
    [("Value: {Type: String}", "Value: {Type: Number, Default: x}"), ("AWS::SSM::Parameter", "AWS::Nothing::AtAll")],
)
def test_a_failed_plan_leaves_no_change_sets(project: Project, label: str, right: str, wrong: str) -> None:
    stacks = "queue: {template: queue.yaml}\nother: {template: other.yaml}"
    settings = "parameters: {other: {Value: x}}"
    environment = project.write(stacks, settings, queue=QUEUE, other=NAME.replace(right, wrong))
    for _ in range(2):
        with pytest.raises(StackError, match="-other: "):
            make_plan(project.session, environment, label)
    assert project.change_sets("queue") == []


def test_a_plan_that_cannot_list_stacks_leaves_no_change_sets(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> list[str]:
        raise StackError("not allowed to list stacks")

    monkeypatch.setattr("deploy.plan.stack_names", refuse)
    with pytest.raises(StackError, match="not allowed"):
        project.plan(project.write(ONE_STACK, queue=QUEUE))
    assert project.change_sets("queue") == []


def test_an_environment_that_another_process_changes_is_not_deleted(project: Project) -> None:
    environment = project.write("slow: {template: slow.yaml}", slow=SLOW)
    with (
        being_changed(project.session, environment.stack_name("slow")),
        pytest.raises(BusyError, match="nothing was deleted"),
    ):
        delete_environment(project.session, environment, silent)
    assert project.statuses(environment) == {"slow": "CREATE_COMPLETE"}


def test_cloudformation_assumes_the_execution_role(session: EmulatorSession, project: Project) -> None:
    project.session, roles = EmulatorSession(session.endpoint_url), []

    def record(params: dict[str, str], **_: object) -> None:
        roles.append(params.get("RoleARN"))

    project.session.events.register("provide-client-params.cloudformation.CreateChangeSet", record)
    role = "arn:aws:iam::000000000000:role/execution"
    settings = f"provided: {{bootstrap: {{Role: '{role}'}}}}\nexecution_role: bootstrap.Role"
    project.apply(project.write(TWO_STACKS, settings, queue=QUEUE, name=NAME))
    assert roles == [role, role]


def test_a_missing_execution_role_is_reported(project: Project) -> None:
    environment = project.write(ONE_STACK, "execution_role: bootstrap.Role", queue=QUEUE)
    with pytest.raises(StackError, match=r"test\.yaml: execution_role takes bootstrap\.Role"):
        project.plan(environment)


def test_stacks_are_deleted_in_reverse_order(project: Project) -> None:
    environment = project.write(TWO_STACKS, queue=QUEUE, name=NAME)
    project.apply(environment)
    lines: list[str] = []
    delete_environment(project.session, environment, lines.append)
    assert lines == ["name: deleted", "queue: deleted"]
    assert set(project.statuses(environment).values()) == {"MISSING"}
