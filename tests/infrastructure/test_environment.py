"""The complete environments of this repository: created, used, updated and deleted on an emulated account."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import boto3
import pytest

from catalog import images
from catalog.database import Database
from catalog.events import StoredObject, announcement
from catalog.keys import new_id, thumbnail_key, upload_key
from deploy.apply import apply_plan, delete_environment, deploy, environment_outputs
from deploy.drift import find_drift
from deploy.environment import Environment
from deploy.errors import GateError, StackError
from deploy.plan import Outputs, make_plan
from deploy.redrive import Redriven, redrive
from deploy.status import read_status
from local_cloud.emulator import Emulator
from support import photos
from support.deploy_project import silent
from support.emulated_environment import catalogue, environment_of, prepared_account, resources, with_parameters

WAIT_SECONDS = 300.0


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> Iterator[None]:
    with prepared_account(emulator):
        yield


@pytest.fixture(scope="module")
def staging(account: None) -> Environment:
    """Create the staging environment by one plan and one apply."""
    environment = environment_of("staging")
    assert apply_plan(environment, make_plan(environment), silent) == ()
    return environment


@pytest.fixture(scope="module")
def outputs(staging: Environment) -> Outputs:
    return environment_outputs(staging)


def upload(region: str, outputs: Outputs) -> str:
    """Store a photo as a presigned form does, and return its id."""
    image_id = new_id()
    boto3.client("s3", region_name=region).put_object(
        Bucket=outputs["images"]["BucketName"],
        Key=upload_key(image_id),
        Body=photos.jpeg(),
        ContentType="image/jpeg",
        Metadata={"filename": "photo.jpg"},
    )
    return image_id


def wait_for(database: Database, image_id: str, condition: Callable[[images.Image], bool]) -> images.Image:
    """Wait until a photo satisfies a condition."""
    image = None
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with database.connection() as connection:
            image = images.get(connection, image_id)
        if image is not None and condition(image):
            return image
        time.sleep(0.1)
    raise AssertionError(f"waited {WAIT_SECONDS:.0f} seconds in vain; the image is {image}")


def is_ready(image: images.Image) -> bool:
    return (image.thumbnail_status, image.annotation_status) == ("ready", "ready")


def test_every_resource_of_the_environment_is_real(staging: Environment) -> None:
    names = [staging.stack_name(stack.name) for stack in staging.stacks] + [staging.existing["bootstrap"]]
    found = {
        (name, resource["LogicalResourceId"]): resource
        for name in names
        for resource in resources(staging.region, name)
    }
    assert len(found) > 100
    assert [key for key, resource in found.items() if resource.get("PhysicalResourceId", "unknown") == "unknown"] == []
    assert {resource["ResourceStatus"] for resource in found.values()} == {"CREATE_COMPLETE"}


def test_every_stack_of_the_environment_is_there_with_its_package(staging: Environment) -> None:
    statuses = {status.stack: status for status in read_status(staging)}
    assert {status.status for status in statuses.values()} == {"CREATE_COMPLETE"}
    assert {name for name, status in statuses.items() if status.package} == {"catalog", "thumbnail", "annotate", "web"}
    assert statuses["web"].url.startswith("http")


def test_a_second_plan_is_empty(staging: Environment) -> None:
    plan = make_plan(staging)
    assert {stack.kind for stack in plan.stacks} == {"unchanged"}


def test_nothing_has_drifted_from_what_was_just_created(staging: Environment) -> None:
    assert find_drift(staging) == []


def test_a_photo_in_the_environments_bucket_is_thumbnailed_and_annotated(
    staging: Environment, outputs: Outputs
) -> None:
    image_id = upload(staging.region, outputs)
    with catalogue(staging.region, outputs) as database:
        image = wait_for(database, image_id, is_ready)
    assert image.caption
    boto3.client("s3", region_name=staging.region).head_object(
        Bucket=outputs["images"]["BucketName"], Key=thumbnail_key(image_id)
    )


def test_dead_letters_are_sent_to_their_function_again(staging: Environment, outputs: Outputs) -> None:
    image_id = upload(staging.region, outputs)
    queue = outputs["thumbnail"]["DeadLettersUrl"]
    event = announcement(StoredObject(outputs["images"]["BucketName"], upload_key(image_id)))
    sqs = boto3.client("sqs", region_name=staging.region)
    with catalogue(staging.region, outputs) as database:
        wait_for(database, image_id, is_ready)
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE image SET thumbnail_status = 'pending' WHERE id = %s", (image_id,))
        for _ in range(11):  # more than one batch
            sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"version": "1.0", "requestPayload": event}))
        sqs.send_message(QueueUrl=queue, MessageBody="no event")
        assert Redriven("thumbnail", sent=11, unreadable=1) in redrive(staging)
        wait_for(database, image_id, is_ready)
    left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert int(left["ApproximateNumberOfMessages"]) + int(left["ApproximateNumberOfMessagesNotVisible"]) == 1
    sqs.purge_queue(QueueUrl=queue)


def test_a_migration_that_fails_rolls_the_stack_back_and_says_why(staging: Environment) -> None:
    broken = with_parameters(staging, "catalog", DatabaseHost="/nowhere/socket")
    with pytest.raises(StackError, match=r"catalog: Schema \(Custom::Schema\): OperationalError"):
        apply_plan(broken, make_plan(broken), silent)
    assert {s.stack: s.status for s in read_status(staging)}["catalog"] == "UPDATE_ROLLBACK_COMPLETE"
    assert not make_plan(staging).changes_anything


def test_an_environment_is_updated_with_its_photos_and_deleted_without_losing_them(account: None) -> None:
    small = environment_of("production")
    for stack, values in {
        "network": {"Zones": "2", "NatGateways": "one"},
        "database": {"InstanceClass": "db.t4g.small"},
        "annotate": {"Concurrency": "1"},
        "web": {"InstanceType": "t4g.micro"},
    }.items():
        small = with_parameters(small, stack, **values)
    apply_plan(small, make_plan(small), silent)
    before = environment_outputs(small)
    with catalogue(small.region, before) as database:
        image = wait_for(database, upload(small.region, before), is_ready)

    large = environment_of("production")
    plan = make_plan(large)
    changed = {stack.name for stack in plan.stacks if stack.kind != "unchanged"}
    assert {"network", "database", "annotate", "web"} <= changed
    assert plan.refused == ()
    assert apply_plan(large, plan, silent) != ()  # the network's new subnets reach the others with another plan
    after = deploy(large, silent)
    assert not make_plan(large).changes_anything
    with catalogue(large.region, after) as database:
        assert wait_for(database, image.id, is_ready) == image
        wait_for(database, upload(large.region, after), is_ready)

    with pytest.raises(GateError, match=r"parameters\.web\.DeletionProtection, parameters\.database"):
        delete_environment(large, silent)
    assert "MISSING" not in {status.status for status in read_status(large)}
    unprotected = large
    for stack in ("web", "database"):
        unprotected = with_parameters(unprotected, stack, DeletionProtection="false")
    apply_plan(unprotected, make_plan(unprotected), silent)
    delete_environment(unprotected, silent)
    assert {status.status for status in read_status(large)} == {"MISSING"}
    bucket = after["images"]["BucketName"]
    boto3.client("s3", region_name=large.region).head_object(Bucket=bucket, Key=upload_key(image.id))
    boto3.client("secretsmanager", region_name=large.region).get_secret_value(
        SecretId=after["catalog"]["ApplicationSecretArn"]
    )
