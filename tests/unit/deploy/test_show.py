"""A plan on one screen."""

import pytest

from deploy.change_set import Change
from deploy.drift import Drift
from deploy.plan import Plan, PlannedStack
from deploy.show import drift_text, event_text, losses, plan_text, status_text
from deploy.stack import Event
from deploy.status import StackStatus

BUCKET = Change("Modify", "Bucket", "AWS::S3::Bucket", "yes", ("BucketName",))
PLAN = Plan(
    "staging",
    "eu-central-1",
    {},
    (
        PlannedStack("network", "create", "", (Change("Add", "Vpc", "AWS::EC2::VPC"),), "arn"),
        PlannedStack(
            "database",
            "create later",
            "",
            (Change("Add", "Db", "X"),) * 3,
            waits_for=("network.VpcId", "network.SubnetIds"),
        ),
        PlannedStack(
            "images",
            "update",
            "",
            (BUCKET, Change("Remove", "Old", "Y"), Change("Modify", "Rule", "Z", "perhaps")),
            "arn",
            refused=("images.Bucket (bucket) would be replaced because of BucketName",),
        ),
        PlannedStack("web", "plan again", "", waits_for=("database.Host",)),
        PlannedStack("alarms", "unchanged", ""),
    ),
)


def test_a_plan_shows_each_stack_each_change_and_what_is_refused() -> None:
    assert (
        plan_text(PLAN)
        == """\
staging, eu-central-1

  network   create, 1 resource
  database  create, up to 3 resources, after network
  images    update
    ! Bucket (AWS::S3::Bucket): BucketName  REPLACED
    - Old (Y)
    ! Rule (Z)  PERHAPS REPLACED
  web       needs another plan, after database
  alarms    unchanged

2 stacks to create, 1 to update, 1 to plan again afterwards, 1 resource DELETED, 1 resource REPLACED, \
1 resource PERHAPS REPLACED

REFUSED, until the environment file names it under overrides, with the reason:
  images.Bucket (bucket) would be replaced because of BucketName"""
    )


def test_a_plan_shows_what_is_special_about_a_stack() -> None:
    stacks = (
        PlannedStack("network", "update", ""),
        PlannedStack("images", "create later", "", (Change("Add", "Bucket", "X"),)),
    )
    text = plan_text(Plan("staging", "eu-central-1", {}, stacks, ("gallery-staging-old",)))
    assert "network  update, of outputs only" in text
    assert "images   create, up to 1 resource, after what a failed creation left is deleted" in text
    assert text.endswith("Nothing wants these stacks any more, and nothing here deletes them:\n  gallery-staging-old")


@pytest.mark.parametrize(
    "change",
    [
        Change("Modify", "Version", "AWS::Lambda::Version", "yes", ("Description",), ("Description",)),
        Change("Modify", "Schema", "Custom::Schema", "perhaps", ("Artifact",), ("Artifact",)),
        Change(
            "Modify",
            "Group",
            "AWS::AutoScaling::AutoScalingGroup",
            "perhaps",
            ("LaunchTemplate",) * 2,
            ("LaunchTemplate",),
        ),
        Change("Modify", "Db", "AWS::RDS::DBInstance", "perhaps", ("MultiAZ",), ("MultiAZ",)),
    ],
)
def test_what_a_release_makes_anew_and_what_changes_in_place_is_no_loss(change: Change) -> None:
    plan = Plan("staging", "eu-central-1", {}, (PlannedStack("annotate", "update", "", (change,), "arn"),))
    assert list(losses(plan)) == []
    assert "REPLACED" not in plan_text(plan)
    assert f"~ {change.logical_id} " in plan_text(plan)


def test_a_version_that_is_deleted_is_a_loss() -> None:
    change = Change("Remove", "Version", "AWS::Lambda::Version")
    plan = Plan("staging", "eu-central-1", {}, (PlannedStack("annotate", "update", "", (change,), "arn"),))
    assert "1 resource DELETED" in plan_text(plan)


def test_a_plan_without_changes_says_so() -> None:
    plan = Plan("staging", "eu-central-1", {}, (PlannedStack("alarms", "unchanged", ""),))
    assert plan_text(plan).endswith("Nothing to change.")


def test_events_show_the_reason_of_a_failure() -> None:
    event = Event("stack", "Queue", "AWS::SQS::Queue", "CREATE_FAILED", "no such thing")
    assert event_text(event).split() == ["CREATE_FAILED", "Queue", "(AWS::SQS::Queue):", "no", "such", "thing"]


def test_the_state_shows_packages_and_where_the_gallery_is() -> None:
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


def test_drift_is_told_resource_by_resource() -> None:
    drift = Drift("images", "Bucket", "AWS::S3::Bucket", "MODIFIED", ("/BucketName is b, not a",))
    assert drift_text([drift]) == "images.Bucket (AWS::S3::Bucket) was modified\n  /BucketName is b, not a"
    unchecked = Drift("web", "", "", "INCOMPLETE", ("no right",))
    assert drift_text([unchecked]) == "web: not everything could be checked: no right"
    assert drift_text([]) == "Everything is as its template says."
