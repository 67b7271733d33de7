"""Nested stacks, with templates in the emulator's S3 at the URLs that tools use."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.emulated_account import PROTECTED_BALANCER, Account, failing, unprotect_balancer

CHILD: dict[str, Any] = {
    "Parameters": {"Name": {"Type": "String"}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}}},
        "Queue": {"Type": "AWS::SQS::Queue"},
    },
    "Outputs": {"Queue": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}},
}


class Templates:
    """A bucket of templates with URLs."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.bucket = account.new_bucket()

    def put(self, name: str, template: dict[str, Any], host: str = "{bucket}.s3.{region}.amazonaws.com") -> str:
        """Store a template and return its URL."""
        self.account.client("s3").put_object(Bucket=self.bucket, Key=f"a/{name}", Body=json.dumps(template))
        return f"https://{host.format(bucket=self.bucket, region=self.account.region)}/a/{name}"


def parent(address: str) -> dict[str, Any]:
    """Return a template that nests the template with a URL."""
    return {
        "Parameters": {"Name": {"Type": "String", "Default": "first"}},
        "Resources": {
            "Child": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {"TemplateURL": address, "Parameters": {"Name": {"Ref": "Name"}}},
            }
        },
        "Outputs": {
            "Child": {"Value": {"Ref": "Child"}},
            "Queue": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Queue"]}},
        },
    }


@pytest.fixture(params=["us-east-1", "eu-central-1"])
def place(account: Account, stack: str, request: pytest.FixtureRequest) -> Iterator[Account]:
    """Return the account in two regions; the stack is deleted there."""
    place = Account(account.endpoint_url, request.param)
    yield place
    place.delete(stack)


@pytest.fixture
def templates(account: Account) -> Templates:
    return Templates(account)


@pytest.mark.parametrize("host", ["{bucket}.s3.{region}.amazonaws.com", "{bucket}.s3.amazonaws.com"])
def test_templates_are_found_at_virtual_hosted_urls_in_each_region(place: Account, stack: str, host: str) -> None:
    templates = Templates(place)
    root = templates.put("root.json", parent(templates.put("child.json", CHILD, host)), host)
    creation = place.deploy(stack, root)
    assert creation.status == "CREATE_COMPLETE"
    assert place.resources(creation.outputs["Child"])["Queue"].endswith(creation.outputs["Queue"])


def test_a_template_is_found_at_a_path_style_url(account: Account, templates: Templates, stack: str) -> None:
    address = templates.put("child.json", CHILD, "s3.{region}.amazonaws.com/{bucket}")
    assert account.deploy(stack, address, Name="first").status == "CREATE_COMPLETE"


def test_an_update_changes_the_child_and_keeps_the_rest(account: Account, templates: Templates, stack: str) -> None:
    template = parent(templates.put("child.json", CHILD))
    before = account.deploy(stack, template).outputs
    topic = account.resources(before["Child"])["Topic"]
    update = account.deploy(stack, template, Name="second")
    assert (update.status, update.outputs) == ("UPDATE_COMPLETE", before)
    assert update.changes == {"Child": ("Modify", "False")}
    assert account.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "second"


def test_a_child_that_fails_is_rolled_back_with_its_parent(account: Account, templates: Templates, stack: str) -> None:
    bad = {**CHILD, "Resources": {**CHILD["Resources"], "Bad": failing("Topic", "Queue")}}
    creation = account.deploy(stack, parent(templates.put("bad.json", bad)))
    assert creation.status == "ROLLBACK_COMPLETE"
    assert "subnet-0" in creation.failures["Child"]
    assert not account.client("sqs").list_queues(QueueNamePrefix=stack).get("QueueUrls")


def test_retained_resources_of_a_child_are_kept_when_its_parent_is_deleted(
    account: Account, templates: Templates, stack: str
) -> None:
    topic, queue = CHILD["Resources"]["Topic"], {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"}
    child = {**CHILD, "Resources": {"Topic": topic, "Queue": queue}}
    creation = account.deploy(stack, parent(templates.put("child.json", child)))
    made = account.resources(creation.outputs["Child"])
    assert account.delete(stack) == ""
    assert account.client("sqs").list_queues(QueueNamePrefix=stack)["QueueUrls"] == [made["Queue"]]
    topics = [topic["TopicArn"] for topic in account.client("sns").list_topics()["Topics"]]
    assert made["Topic"] not in topics


def test_the_deletion_of_a_parent_fails_with_its_child(account: Account, templates: Templates, stack: str) -> None:
    child = {**CHILD, "Resources": {**CHILD["Resources"], "Balancer": PROTECTED_BALANCER}}
    creation = account.deploy(stack, parent(templates.put("child.json", child)))
    assert account.delete(stack) == "DELETE_FAILED"
    unprotect_balancer(account, account.resources(creation.outputs["Child"])["Balancer"])
    assert account.delete(stack) == ""
