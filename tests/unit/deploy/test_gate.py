"""The gate refuses changes that lose data."""

import pytest

from deploy.change_set import Change, Replacement
from deploy.gate import PROTECTED, refusals


@pytest.mark.parametrize("kind", PROTECTED)
@pytest.mark.parametrize(
    ("action", "replacement", "loss"),
    [
        ("Modify", "yes", "would be replaced because of Name"),
        ("Modify", "perhaps", "might be replaced because of Name"),
        ("Remove", "no", "would be deleted"),
        ("Dynamic", "no", "would change in a way that is not known in advance"),
    ],
)
def test_a_loss_is_refused(kind: str, action: str, replacement: Replacement, loss: str) -> None:
    change = Change(action, "Thing", kind, replacement, ("Name", "Tags"), ("Name",))
    assert refusals("stack", [change], {}) == (f"stack.Thing ({PROTECTED[kind]}) {loss}",)


@pytest.mark.parametrize("kind", PROTECTED)
@pytest.mark.parametrize("action", ["Add", "Modify", "Import"])
def test_a_change_that_keeps_the_resource_passes(kind: str, action: str) -> None:
    assert refusals("stack", [Change(action, "Thing", kind)], {}) == ()


@pytest.mark.parametrize(
    ("properties", "passes"),
    [(("MultiAZ", "BackupRetentionPeriod"), True), (("MultiAZ", "Engine"), False), ((), False)],
)
def test_a_possible_replacement_of_a_database_passes_for_properties_that_rds_changes_in_place(
    properties: tuple[str, ...], passes: bool
) -> None:
    change = Change(
        "Modify", "Instance", "AWS::RDS::DBInstance", "perhaps", ("DBInstanceClass", *properties), properties
    )
    assert (refusals("database", [change], {}) == ()) is passes


def test_a_certain_replacement_of_a_database_is_refused_for_every_property() -> None:
    change = Change("Modify", "Instance", "AWS::RDS::DBInstance", "yes", ("MultiAZ",), ("MultiAZ",))
    assert len(refusals("database", [change], {})) == 1


def test_a_resource_without_data_may_be_replaced() -> None:
    assert refusals("stack", [Change("Modify", "Function", "AWS::Lambda::Function", "yes")], {}) == ()


def test_an_override_applies_to_one_resource_of_one_stack() -> None:
    change = Change("Remove", "Bucket", "AWS::S3::Bucket")
    assert refusals("images", [change], {"images.Bucket": "moved"}) == ()
    assert len(refusals("other", [change], {"images.Bucket": "moved"})) == 1
