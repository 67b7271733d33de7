"""Change sets list the same changes as on AWS."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from support.emulated_account import Account

TEMPLATE: dict[str, Any] = {
    "Parameters": {"More": {"Type": "String", "Default": "no"}, "Name": {"Type": "String", "Default": "first"}},
    "Conditions": {"HasMore": {"Fn::Equals": [{"Ref": "More"}, "yes"]}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}}},
        "Queue": {"Type": "AWS::SQS::Queue", "Condition": "HasMore"},
    },
    "Outputs": {"Topic": {"Value": {"Ref": "Topic"}}},
}
GROUP: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("auto_scaling_group.yaml").read_text())


def with_outputs(**outputs: Any) -> dict[str, Any]:
    return {**TEMPLATE, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}


def test_only_resources_with_true_conditions_are_added(account: Account, stack: str) -> None:
    assert set(account.deploy(stack, TEMPLATE).changes) == {"Topic"}


def test_a_condition_adds_and_removes_a_resource(account: Account, stack: str) -> None:
    account.deploy(stack, TEMPLATE)
    assert account.deploy(stack, TEMPLATE, More="yes").changes == {"Queue": ("Add", None)}
    assert "Queue" in account.resources(stack)
    assert account.deploy(stack, TEMPLATE, More="no").changes == {"Queue": ("Remove", None)}
    assert "Queue" not in account.resources(stack)


def test_a_new_output_is_a_change_set_without_resource_changes(account: Account, stack: str) -> None:
    account.deploy(stack, TEMPLATE)
    update = account.deploy(stack, with_outputs(Topic={"Ref": "Topic"}, Name={"Fn::GetAtt": ["Topic", "TopicName"]}))
    assert (update.status, update.changes) == ("UPDATE_COMPLETE", {})
    assert set(update.outputs) == {"Topic", "Name"}


def test_an_unchanged_template_has_no_changes(account: Account, stack: str) -> None:
    account.deploy(stack, TEMPLATE)
    again = account.deploy(stack, TEMPLATE)
    assert again.status == "FAILED"
    assert "didn't contain changes" in again.failures[stack]


def test_executing_a_change_set_deletes_the_others_of_its_stack(account: Account, stack: str) -> None:
    account.deploy(stack, TEMPLATE)
    stale = account.plan(stack, TEMPLATE, Name="second")
    assert account.deploy(stack, TEMPLATE, Name="third").status == "UPDATE_COMPLETE"
    cloudformation = account.client("cloudformation")
    with pytest.raises(cloudformation.exceptions.ChangeSetNotFoundException):
        cloudformation.execute_change_set(ChangeSetName=stale)


def test_an_auto_scaling_group_does_not_wait_for_signals_of_its_instances(account: Account, stack: str) -> None:
    template = {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": {"ImageId": "ami-1"}}}
    assert account.deploy(stack, {"Resources": {"Template": template, "Group": GROUP}}).status == "CREATE_COMPLETE"
    newer = {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": {"ImageId": "ami-2"}}}
    update = account.deploy(stack, {"Resources": {"Template": newer, "Group": GROUP}})
    assert update.status == "UPDATE_COMPLETE"
    assert update.changes == {"Template": ("Modify", "False"), "Group": ("Modify", "Conditional")}
