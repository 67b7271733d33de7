"""Refuses to replace or delete what holds data or what people and other systems know by its name."""

from collections.abc import Iterable, Mapping

from deploy.change_set import Change, Replacement

PROTECTED = {
    "AWS::RDS::DBInstance": "database",
    "AWS::S3::Bucket": "bucket",
    "AWS::SNS::Topic": "topic",
    "AWS::KMS::Key": "key",
    "AWS::SecretsManager::Secret": "secret",
}
"""What the types are called in a refusal."""

IN_PLACE = {
    "AWS::RDS::DBInstance": {
        "AutoMinorVersionUpgrade",
        "BackupRetentionPeriod",
        "DBParameterGroupName",
        "MultiAZ",
        "PreferredMaintenanceWindow",
    },
    "AWS::AutoScaling::AutoScalingGroup": {"LaunchTemplate"},
}
"""Properties for which CloudFormation says that they might replace, and which are changed in place.
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds (ImmutabilityHelper)
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-autoscaling-autoscalinggroup.html"""


def refusals(stack: str, changes: Iterable[Change], overrides: Mapping[str, str]) -> tuple[str, ...]:
    """Say which changes of a stack are refused, a sentence each.

    Args:
        stack: its name in stacks.yaml.
        changes: what its change set would do.
        overrides: the reasons of the environment, by `stack.Resource`.
    """
    return tuple(
        f"{stack}.{change.logical_id} ({PROTECTED[change.resource_type]}) {_loss(change)}"
        for change in changes
        if is_refusable(change) and f"{stack}.{change.logical_id}" not in overrides
    )


def is_refusable(change: Change) -> bool:
    """Tell whether a change needs an override."""
    if change.resource_type not in PROTECTED:
        return False
    return change.action in _UNCLEAR_OR_LOST or replacement(change) != "no"


def replacement(change: Change) -> Replacement:
    """Tell whether a resource is replaced, which CloudFormation does not always know."""
    in_place = IN_PLACE.get(change.resource_type, set())
    if change.replacement == "perhaps" and change.causes and in_place.issuperset(change.causes):
        return "no"
    return change.replacement


# What a change set calls Dynamic cannot be told before it is executed.
_UNCLEAR_OR_LOST = ("Remove", "Dynamic")


def _loss(change: Change) -> str:
    if change.action in _UNCLEAR_OR_LOST:
        return "would be deleted" if change.action == "Remove" else "would change in a way that cannot be foreseen"
    because = f" because of {', '.join(change.causes)}" if change.causes else ""
    return f"{'would' if change.replacement == 'yes' else 'might'} be replaced{because}"
