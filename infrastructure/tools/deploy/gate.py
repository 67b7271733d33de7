"""The gate: refuses to replace or delete resources that hold data, or that others refer to by name."""

from collections.abc import Iterable, Mapping

from deploy.change_set import Change, Replacement

PROTECTED = {
    "AWS::RDS::DBInstance": "database",
    "AWS::S3::Bucket": "bucket",
    "AWS::SNS::Topic": "topic",
    "AWS::KMS::Key": "key",
    "AWS::SecretsManager::Secret": "secret",
}
"""The protected resource types, and their names in messages."""

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
"""Properties that are changed in place, although CloudFormation reports that they might replace the resource.
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds (ImmutabilityHelper)
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-autoscaling-autoscalinggroup.html"""


def refusals(stack: str, changes: Iterable[Change], overrides: Mapping[str, str]) -> tuple[str, ...]:
    """Return the refused changes of a stack, a sentence each.

    Args:
        stack: its name in stacks.yaml.
        changes: the changes of its change set.
        overrides: reasons of allowed losses, by `stack.Resource`.
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
    """Tell whether a resource is replaced; `IN_PLACE` corrects what CloudFormation reports."""
    in_place = IN_PLACE.get(change.resource_type, set())
    if change.replacement == "perhaps" and change.causes and in_place.issuperset(change.causes):
        return "no"
    return change.replacement


_UNCLEAR_OR_LOST = ("Remove", "Dynamic")  # the effect of a dynamic change is known only after its execution


def _loss(change: Change) -> str:
    if change.action in _UNCLEAR_OR_LOST:
        return "would be deleted" if change.action == "Remove" else "would change in a way that is not known in advance"
    because = f" because of {', '.join(change.causes)}" if change.causes else ""
    return f"{'would' if change.replacement == 'yes' else 'might'} be replaced{because}"
