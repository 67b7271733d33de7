"""An account on a running emulator: clients, and stacks through change sets."""

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from botocore.config import Config

from deploy.stack import find_stack
from local_cloud.session import EmulatorSession
from support.waiting import wait_until

RELEASE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("release.yaml").read_text())
"""Version, alias and dead letter queue of the resource `Function`; the parameter `Release` makes a new version."""

PROTECTED_BALANCER: dict[str, Any] = {
    "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "Properties": {
        "Subnets": ["subnet-1", "subnet-2"],
        "LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}],
    },
}


def failing(*after: str) -> dict[str, Any]:
    """Return a resource that cannot be created, which is tried after some others."""
    return {"Type": "AWS::EC2::NatGateway", "DependsOn": list(after), "Properties": {"SubnetId": "subnet-0"}}


@dataclass(frozen=True)
class Deployment:
    """The result of a change set."""

    status: str
    changes: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Action and replacement by logical id."""
    outputs: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Reasons by logical id."""


@dataclass(frozen=True)
class Account:
    """One region of the account."""

    endpoint_url: str
    region: str = "us-east-1"

    def client(self, service: str) -> Any:
        """Return a client that does not repeat failed requests."""
        config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
        return EmulatorSession(self.endpoint_url, self.region).client(service, config=config)

    def new_bucket(self) -> str:
        """Create a bucket in the region, and return its name."""
        name = f"bucket-{uuid4().hex[:8]}"
        place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.client("s3").create_bucket(Bucket=name, **({} if self.region == "us-east-1" else place))
        return name

    def receive(self, queue_url: str, text: str) -> list[str]:
        """Wait for messages that contain a text, and return their bodies."""
        sqs, found = self.client("sqs"), list[str]()

        def have_arrived() -> bool:
            messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
            found.extend(message["Body"] for message in messages if text in message["Body"])
            return bool(found)

        wait_until(have_arrived)
        return found

    def deploy(self, stack: str, template: dict[str, Any] | str, **parameters: str) -> Deployment:
        """Create or update a stack; `template` is a document or a URL. Without changes the status is FAILED."""
        cloudformation = self.client("cloudformation")
        change_set = self.plan(stack, template, **parameters)
        description: dict[str, Any] = {}

        def is_planned() -> bool:
            description.update(cloudformation.describe_change_set(ChangeSetName=change_set))
            return description["Status"] in ("CREATE_COMPLETE", "FAILED")

        wait_until(is_planned)
        if description["Status"] == "FAILED":
            return Deployment("FAILED", failures={stack: description["StatusReason"]})
        seen = len(self._events(stack))
        cloudformation.execute_change_set(ChangeSetName=change_set)
        wait_until(lambda: not self.status(stack).endswith("_IN_PROGRESS"))
        found = find_stack(cloudformation, stack)
        assert found is not None
        changes = [change["ResourceChange"] for change in description["Changes"]]
        events = self._events(stack)
        return Deployment(
            found.status,
            {change["LogicalResourceId"]: (change["Action"], change.get("Replacement")) for change in changes},
            dict(found.outputs),
            {
                event["LogicalResourceId"]: event.get("ResourceStatusReason", "")
                for event in events[: len(events) - seen]
                if event["ResourceStatus"].endswith("_FAILED")
            },
        )

    def plan(self, stack: str, template: dict[str, Any] | str, **parameters: str) -> str:
        """Create a change set and return its ARN."""
        cloudformation = self.client("cloudformation")
        exists = self.status(stack) not in ("", "REVIEW_IN_PROGRESS")
        where = {"TemplateURL": template} if isinstance(template, str) else {"TemplateBody": json.dumps(template)}
        arn: str = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=f"test-{uuid4().hex}",
            ChangeSetType="UPDATE" if exists else "CREATE",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            **where,
        )["Id"]
        return arn

    def status(self, stack: str) -> str:
        """Return the status of a stack, or "" if it does not exist."""
        found = find_stack(self.client("cloudformation"), stack)
        return found.status if found else ""

    def resources(self, stack: str) -> dict[str, str]:
        """Return the physical ids by logical id."""
        resources = self.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}

    def delete(self, stack: str) -> str:
        """Delete a stack, and return its status: "" or DELETE_FAILED."""
        self.client("cloudformation").delete_stack(StackName=stack)
        wait_until(lambda: self.status(stack) in ("", "DELETE_COMPLETE", "DELETE_FAILED"))
        status = self.status(stack)
        return "" if status == "DELETE_COMPLETE" else status

    def _events(self, stack: str) -> list[Any]:
        events = self.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return list(events)


def function_package(code: str) -> bytes:
    """Return the package of a function whose only module is `index`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("index.py", code)
    return content.getvalue()


def unprotect_balancer(account: Account, arn: str) -> None:
    """Allow the deletion of a load balancer."""
    account.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
    )
