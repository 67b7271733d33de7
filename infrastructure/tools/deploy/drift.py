"""Drift: differences between the stacks of an environment and the actual resources.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from deploy.environment import Environment
from deploy.stack import find_stacks

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import DescribeStackResourceDriftsInputTypeDef, StackResourceDriftTypeDef

POLL_SECONDS = 2.0

FALSE_ALARMS = {
    ("AWS::AutoScaling::AutoScalingGroup", "/DefaultInstanceWarmup"): "reported although nothing was set",
    ("AWS::AutoScaling::AutoScalingGroup", "/DesiredCapacity"): "the scaling policy moves it",
    ("AWS::AutoScaling::ScalingPolicy", "/TargetTrackingConfiguration"): "AWS fills in defaults",
}
"""Differences to ignore, by type and property, with the reason."""


@dataclass(frozen=True)
class Drift:
    """A resource that differs from its template; `differences` are sentences, empty if it was deleted.

    The status INCOMPLETE marks a stack that could not be checked completely; `differences` holds the reason.
    """

    stack: str
    logical_id: str
    resource_type: str
    status: str
    differences: tuple[str, ...]


def find_drift(session: boto3.Session, environment: Environment) -> list[Drift]:
    """Return the drift of the existing stacks, and the stacks that could not be checked completely."""
    cloudformation = session.client("cloudformation", region_name=environment.region)
    drifts = []
    for name, current in find_stacks(cloudformation, environment).items():
        if current.exists:
            if unchecked := _detect(cloudformation, current.name):
                drifts.append(Drift(name, "", "", "INCOMPLETE", (unchecked,)))
            found = (_drift(name, drift) for drift in _differing(cloudformation, current.name))
            drifts += filter(None, found)
    return drifts


def _detect(cloudformation: CloudFormationClient, stack: str) -> str:
    """Run a drift detection; return why it is incomplete, if it is. Results of the checked resources are available.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackDriftDetectionStatus.html
    """
    detection = cloudformation.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    while True:
        found = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if found["DetectionStatus"] == "DETECTION_COMPLETE":
            return ""
        if found["DetectionStatus"] == "DETECTION_FAILED":
            return found.get("DetectionStatusReason", "no reason given")
        time.sleep(POLL_SECONDS)


def _differing(cloudformation: CloudFormationClient, stack: str) -> Iterator[StackResourceDriftTypeDef]:
    wanted: DescribeStackResourceDriftsInputTypeDef = {
        "StackName": stack,
        "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"],
    }
    while True:
        page = cloudformation.describe_stack_resource_drifts(**wanted)
        yield from page["StackResourceDrifts"]
        if "NextToken" not in page:
            return
        wanted["NextToken"] = page["NextToken"]


def _drift(stack: str, found: StackResourceDriftTypeDef) -> Drift | None:
    """Return a drift without false alarms; None if only those differ."""
    kind = found["ResourceType"]
    differences = tuple(
        f"{difference['PropertyPath']} is {difference['ActualValue']}, not {difference['ExpectedValue']}"
        for difference in found.get("PropertyDifferences", [])
        if not any(kind == known and difference["PropertyPath"].startswith(path) for known, path in FALSE_ALARMS)
    )
    status = found["StackResourceDriftStatus"]
    if status == "MODIFIED" and not differences:
        return None
    return Drift(stack, found["LogicalResourceId"], kind, status, differences)
