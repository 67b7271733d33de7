"""The text that people read."""

import pytest

from deploy.change_set import Change
from deploy.drift import Drift
from deploy.plan import PlannedStack
from deploy.show import drift_text, event_text, losses, plan_text, status_text
from deploy.stack import Event
from deploy.status import StackStatus
from support.plans import modify, plan, unchanged, update

PLAN = plan(
    PlannedStack("network", "create", "", (Change("Add", "Vpc", "AWS::EC2::VPC"),), "arn"),
    PlannedStack(
        "database",
        "create later",
        "",
        (Change("Add", "Db", "X"),) * 3,
        waits_for=("network.VpcId", "network.SubnetIds"),
    ),
    update(
        "images",
        modify("Bucket", "AWS::S3::Bucket", "yes", "BucketName"),
        Change("Remove", "Old", "Y"),
        modify("Rule", "Z", "perhaps"),
        refused=("images.Bucket (bucket) would be replaced because of BucketName",),
    ),
    PlannedStack("web", "plan again", "", waits_for=("database.Host",)),
    unchanged("alarms"),
)


def test_a_plan_shows_stacks_changes_and_refusals() -> None:
    assert (
        plan_text(PLAN)
        == """\
staging, eu-central-1

  network   create, 1 resource
  database  create, up to 3 resources, after network
  images    update
    ! Bucket (AWS::S3::Bucket): BucketName  REPLACED
    - Old (Y)
    ! Rule (Z)  POSSIBLY REPLACED
  web       needs another plan, after database
  alarms    unchanged

2 stacks to create, 1 to update, 1 to plan again afterwards, 1 resource DELETED, 1 resource REPLACED, \
1 resource POSSIBLY REPLACED

REFUSED unless the environment file lists it under overrides, with a reason:
  images.Bucket (bucket) would be replaced because of BucketName"""
    )


def test_a_plan_shows_special_cases_of_stacks() -> None:
    failed = PlannedStack("images", "create later", "", (Change("Add", "Bucket", "X"),))
    text = plan_text(plan(update("network"), failed, orphaned=("gallery-staging-old",)))
    assert "network  update, outputs only" in text
    assert "images   create, up to 1 resource, after deleting the stack whose creation failed" in text
    assert text.endswith("delete them by hand:\n  gallery-staging-old")


@pytest.mark.parametrize(
    "change",
    [
        modify("Version", "AWS::Lambda::Version", "yes", "Description"),
        modify("Schema", "Custom::Schema", "perhaps", "Artifact"),
        modify("Group", "AWS::AutoScaling::AutoScalingGroup", "perhaps", "LaunchTemplate"),
        modify("Db", "AWS::RDS::DBInstance", "perhaps", "MultiAZ"),
    ],
)
def test_stateless_replacements_and_changes_in_place_are_no_losses(change: Change) -> None:
    planned = plan(update("annotate", change))
    assert list(losses(planned)) == []
    assert "REPLACED" not in plan_text(planned)
    assert f"~ {change.logical_id} " in plan_text(planned)


def test_a_deleted_version_is_a_loss() -> None:
    change = Change("Remove", "Version", "AWS::Lambda::Version")
    assert "1 resource DELETED" in plan_text(plan(update("annotate", change)))


def test_a_plan_without_changes_is_one_sentence() -> None:
    assert plan_text(plan(unchanged("alarms"))).endswith("No changes.")


def test_an_event_shows_the_reason_of_a_failure() -> None:
    event = Event("stack", "Queue", "AWS::SQS::Queue", "CREATE_FAILED", "no such thing")
    assert event_text(event).split() == ["CREATE_FAILED", "Queue", "(AWS::SQS::Queue):", "no", "such", "thing"]


def test_the_status_shows_packages_and_the_address_of_the_gallery() -> None:
    text = status_text(
        [
            StackStatus("annotate", "UPDATE_COMPLETE", "", "2026-01-01T00:00:00+00:00", "annotate-0.1.0-0123.zip"),
            StackStatus("web", "CREATE_COMPLETE", "", "2026-01-01T00:00:00+00:00", "web-0.1.0-45.zip", "https://x.org"),
            StackStatus("dashboard", "MISSING"),
        ]
    )
    assert "annotate-0.1.0-0123.zip" in text
    assert "https://x.org" in text
    assert text.endswith("dashboard  MISSING")


def test_drift_is_shown_for_each_resource() -> None:
    drift = Drift("images", "Bucket", "AWS::S3::Bucket", "MODIFIED", ("/BucketName is b, not a",))
    assert drift_text([drift]) == "images.Bucket (AWS::S3::Bucket) was modified\n  /BucketName is b, not a"
    unchecked = Drift("web", "", "", "INCOMPLETE", ("access denied",))
    assert drift_text([unchecked]) == "web: could not be checked completely: access denied"
    assert drift_text([]) == "No drift."
