"""Refuses to replace or delete what holds data or what people and other systems know by its name."""

from collections.abc import Iterable, Mapping

from deploy.stack import Change

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
    }
}
"""Properties for which CloudFormation says that they might replace, and which RDS changes in place.
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds (ImmutabilityHelper)"""


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
    in_place = change.replacement == "perhaps" and IN_PLACE.get(change.resource_type, set()).issuperset(
        change.properties or ["unknown"]
    )
    return change.action == "Remove" or (change.replacement != "no" and not in_place)


def _loss(change: Change) -> str:
    if change.action == "Remove":
        return "would be deleted"
    because = f" because of {', '.join(change.properties)}" if change.properties else ""
    return f"{'would' if change.replacement == 'yes' else 'might'} be replaced{because}"
